// Requests that wait for their response, oldest first.
//
// When full it keeps no more values but goes on counting, so that each later response still meets
// its own request; `known` says whether the oldest request's value was kept.
//
// SPDX-License-Identifier: MIT OR Apache-2.0
`default_nettype none

module axil_recorder_queue #(
    parameter int WIDTH = 8,
    parameter int DEPTH = 16  // a power of two
) (
    input wire aclk,
    input wire aresetn,
    input wire push,
    input wire [WIDTH-1:0] push_value,
    input wire pop,  // only when `waiting`
    output wire waiting,
    output wire known,
    output wire [WIDTH-1:0] value
);

  localparam int INDEX_WIDTH = $clog2(DEPTH);

  logic [WIDTH-1:0] values[DEPTH];
  logic [INDEX_WIDTH:0] written, read;
  // Requests behind the kept ones. No link has 65,535 under way.
  logic [15:0] valueless;

  wire [INDEX_WIDTH:0] kept = written - read;
  wire keep = push && valueless == 0 && 32'(kept) != DEPTH;

  assign known = kept != 0;
  assign waiting = known || valueless != 0;
  assign value = values[read[INDEX_WIDTH-1:0]];

  always_ff @(posedge aclk) begin
    if (keep) values[written[INDEX_WIDTH-1:0]] <= push_value;
  end

  always_ff @(posedge aclk) begin
    if (!aresetn) begin
      written <= '0;
      read <= '0;
      valueless <= '0;
    end else begin
      if (keep) written <= written + 1'b1;
      if (pop && known) read <= read + 1'b1;
      valueless <= valueless + 16'(push && !keep) - 16'(pop && !known);
    end
  end

endmodule

`default_nettype wire
