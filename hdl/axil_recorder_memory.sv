// The records, oldest first, and an exact count of those that found no room.
//
// A write and a read can end in the same cycle. Records with an even number lie in one bank and
// those with an odd number in the other, so that both are stored in that cycle, the write first.
//
// SPDX-License-Identifier: MIT OR Apache-2.0
`default_nettype none

module axil_recorder_memory #(
    parameter int RECORD_WIDTH = 8,
    parameter int GAP_WIDTH = 16,
    parameter int DEPTH = 1024  // a power of two, at least 4
) (
    input wire aclk,
    input wire aresetn,
    input wire clear,

    input wire write_valid,
    input wire write_known,  // else there is no record to store: count it as lost
    input wire [RECORD_WIDTH-1:0] write_record,
    input wire read_valid,
    input wire read_known,
    input wire [RECORD_WIDTH-1:0] read_record,

    output wire [$clog2(DEPTH):0] level,
    output logic [31:0] lost,  // stays at its maximum
    output logic overflow,     // a record was lost because the memory was full

    input wire fetch,  // `head` is the oldest record from the next cycle on
    input wire pop,    // only when there is one
    output wire [GAP_WIDTH-1:0] head_gap,  // lost just before it; stays at its maximum
    output wire [RECORD_WIDTH-1:0] head
);

  localparam int INDEX_WIDTH = $clog2(DEPTH);
  localparam int STORED_WIDTH = GAP_WIDTH + RECORD_WIDTH;
  localparam logic [GAP_WIDTH-1:0] GAP_MAX = '1;

  logic [INDEX_WIDTH:0] written, read;
  assign level = written - read;

  // Which of the two are stored, and how many are lost before the first, between, and after.
  logic [GAP_WIDTH-1:0] gap;
  wire room = 32'(level) != DEPTH;
  wire room_for_two = room && 32'(level) != DEPTH - 1;
  wire store_write = write_valid && write_known && room;
  wire store_read = read_valid && read_known && (store_write ? room_for_two : room);
  wire lose_write = write_valid && !store_write;
  wire lose_read = read_valid && !store_read;

  wire [GAP_WIDTH-1:0] gap_after_write =
      store_write ? '0 : (lose_write && gap != GAP_MAX) ? gap + 1'b1 : gap;
  wire [GAP_WIDTH-1:0] gap_after_read =
      store_read ? '0
      : (lose_read && gap_after_write != GAP_MAX) ? gap_after_write + 1'b1 : gap_after_write;

  wire [1:0] losing = {1'b0, lose_write} + {1'b0, lose_read};
  wire [32:0] lost_next = {1'b0, lost} + 33'(losing);

  always_ff @(posedge aclk) begin
    if (!aresetn || clear) begin
      written <= '0;
      read <= '0;
      gap <= '0;
      lost <= '0;
      overflow <= 1'b0;
    end else begin
      written <= written + (INDEX_WIDTH + 1)'(store_write) + (INDEX_WIDTH + 1)'(store_read);
      read <= read + (INDEX_WIDTH + 1)'(pop);
      gap <= gap_after_read;
      lost <= lost_next[32] ? '1 : lost_next[31:0];
      if ((lose_write && write_known) || (lose_read && read_known)) overflow <= 1'b1;
    end
  end

  // banks ----------------------------------------------------------------------------------------

  logic [STORED_WIDTH-1:0] even[DEPTH/2];
  logic [STORED_WIDTH-1:0] odd[DEPTH/2];

  wire [STORED_WIDTH-1:0] for_write = {gap, write_record};
  wire [STORED_WIDTH-1:0] for_read = {gap_after_write, read_record};
  wire store_one = store_write || store_read;
  wire store_two = store_write && store_read;
  wire [STORED_WIDTH-1:0] first = store_write ? for_write : for_read;

  wire begins_odd = written[0];
  wire [INDEX_WIDTH-2:0] row = written[INDEX_WIDTH-1:1];
  wire store_even = begins_odd ? store_two : store_one;
  wire store_odd = begins_odd ? store_one : store_two;

  always_ff @(posedge aclk) begin
    if (store_even) even[begins_odd ? row + 1'b1 : row] <= begins_odd ? for_read : first;
    if (store_odd) odd[row] <= begins_odd ? first : for_read;
  end

  logic [STORED_WIDTH-1:0] fetched_even, fetched_odd;
  logic fetched_is_odd;

  always_ff @(posedge aclk) begin
    if (fetch) begin
      fetched_even <= even[read[INDEX_WIDTH-1:1]];
      fetched_odd <= odd[read[INDEX_WIDTH-1:1]];
      fetched_is_odd <= read[0];
    end
  end

  assign {head_gap, head} = fetched_is_odd ? fetched_odd : fetched_even;

endmodule

`default_nettype wire
