// Records the transactions of an AXI4-Lite link and hands them out through a control port.
//
// The tap is inputs only: whatever the recorder does, it cannot stall or alter the link.
//
//   link ---> tap ---> filter ---> memory ---> control ---> CPU
//
// One clock and one reset for the link and the control port. axil_recorder.svd has the register
// map; docs/recorder.md says how to use it.
//
// SPDX-License-Identifier: MIT OR Apache-2.0
`default_nettype none

module axil_recorder #(
    parameter int DATA_WIDTH = 32,        // of the link: 32 or 64
    parameter int ADDRESS_WIDTH = 32,     // of the link: 3 to 64
    parameter int DEPTH = 1024,           // records held: a power of two, at least 4
    parameter int OUTSTANDING = 16,       // requests that may wait for a response: a power of two
    parameter logic [31:0] CLOCK_HZ = 0   // of aclk, for the driver to tell time; 0: not known
) (
    input wire aclk,
    input wire aresetn,

    // The link under watch.
    input wire [ADDRESS_WIDTH-1:0] tap_awaddr,
    input wire tap_awvalid,
    input wire tap_awready,
    input wire [DATA_WIDTH-1:0] tap_wdata,
    input wire [DATA_WIDTH/8-1:0] tap_wstrb,
    input wire tap_wvalid,
    input wire tap_wready,
    input wire [1:0] tap_bresp,
    input wire tap_bvalid,
    input wire tap_bready,
    input wire [ADDRESS_WIDTH-1:0] tap_araddr,
    input wire tap_arvalid,
    input wire tap_arready,
    input wire [DATA_WIDTH-1:0] tap_rdata,
    input wire [1:0] tap_rresp,
    input wire tap_rvalid,
    input wire tap_rready,

    // The control port, 32-bit AXI4-Lite.
    input wire [11:0] ctrl_awaddr,
    input wire ctrl_awvalid,
    output wire ctrl_awready,
    input wire [31:0] ctrl_wdata,
    input wire [3:0] ctrl_wstrb,
    input wire ctrl_wvalid,
    output wire ctrl_wready,
    output wire [1:0] ctrl_bresp,
    output wire ctrl_bvalid,
    input wire ctrl_bready,
    input wire [11:0] ctrl_araddr,
    input wire ctrl_arvalid,
    output wire ctrl_arready,
    output wire [31:0] ctrl_rdata,
    output wire [1:0] ctrl_rresp,
    output wire ctrl_rvalid,
    input wire ctrl_rready
);

  localparam int STROBE_WIDTH = DATA_WIDTH / 8;
  localparam int CYCLE_WIDTH = 48;
  // {write, response, strobes, address, data, cycle of the request, cycle of the response}
  localparam int RECORD_WIDTH = 1 + 2 + STROBE_WIDTH + ADDRESS_WIDTH + DATA_WIDTH + 2 * CYCLE_WIDTH;
  localparam int GAP_WIDTH = 16;

  // tap ------------------------------------------------------------------------------------------

  wire write_done, write_known, read_done, read_known, tap_unpaired;
  wire [ADDRESS_WIDTH-1:0] write_address, read_address;
  wire [DATA_WIDTH-1:0] write_data, read_data;
  wire [STROBE_WIDTH-1:0] write_strobes;
  wire [1:0] write_response, read_response;
  wire [CYCLE_WIDTH-1:0] write_cycle, read_cycle, response_cycle;

  axil_recorder_tap #(
      .DATA_WIDTH(DATA_WIDTH),
      .ADDRESS_WIDTH(ADDRESS_WIDTH),
      .OUTSTANDING(OUTSTANDING),
      .CYCLE_WIDTH(CYCLE_WIDTH)
  ) tap (
      .aclk, .aresetn,
      .tap_awaddr, .tap_awvalid, .tap_awready,
      .tap_wdata, .tap_wstrb, .tap_wvalid, .tap_wready,
      .tap_bresp, .tap_bvalid, .tap_bready,
      .tap_araddr, .tap_arvalid, .tap_arready,
      .tap_rdata, .tap_rresp, .tap_rvalid, .tap_rready,
      .write_done, .write_known, .write_address, .write_data, .write_strobes, .write_response,
      .write_cycle,
      .read_done, .read_known, .read_address, .read_data, .read_response, .read_cycle,
      .response_cycle,
      .unpaired(tap_unpaired)
  );

  // filter ---------------------------------------------------------------------------------------

  wire arm, clear, skip_reads, skip_writes;
  wire [63:0] filter_first, filter_last;

  localparam logic [63:0] LANES = 64'(STROBE_WIDTH) - 64'd1;

  // A transaction passes when the bus word it addresses and the filter's range have a byte in common.
  function automatic logic in_range(input logic [63:0] address,
                                    input logic [63:0] first, input logic [63:0] last);
    in_range = (address | LANES) >= first && (address & ~LANES) <= last;
  endfunction

  // Where a request went that found no place in the queue is not known: it counts as lost.
  wire write_wanted = write_done && arm && !skip_writes
      && (!write_known || in_range(64'(write_address), filter_first, filter_last));
  wire read_wanted = read_done && arm && !skip_reads
      && (!read_known || in_range(64'(read_address), filter_first, filter_last));

  // memory ---------------------------------------------------------------------------------------

  localparam int LEVEL_WIDTH = $clog2(DEPTH) + 1;

  wire fetch, pop, overflow;
  wire [LEVEL_WIDTH-1:0] level;
  wire [31:0] lost;
  wire [GAP_WIDTH-1:0] head_gap;
  wire [RECORD_WIDTH-1:0] head;

  axil_recorder_memory #(
      .RECORD_WIDTH(RECORD_WIDTH),
      .GAP_WIDTH(GAP_WIDTH),
      .DEPTH(DEPTH)
  ) memory (
      .aclk, .aresetn, .clear,
      .write_valid(write_wanted),
      .write_known,
      .write_record({1'b1, write_response, write_strobes, write_address, write_data, write_cycle,
                     response_cycle}),
      .read_valid(read_wanted),
      .read_known,
      .read_record({1'b0, read_response, {STROBE_WIDTH{1'b0}}, read_address, read_data, read_cycle,
                    response_cycle}),
      .level, .lost, .overflow,
      .fetch, .pop, .head_gap, .head
  );

  // control --------------------------------------------------------------------------------------

  wire head_write;
  wire [1:0] head_response;
  wire [STROBE_WIDTH-1:0] head_strobes;
  wire [ADDRESS_WIDTH-1:0] head_address;
  wire [DATA_WIDTH-1:0] head_data;
  wire [CYCLE_WIDTH-1:0] head_cycle, head_response_cycle;
  assign {head_write, head_response, head_strobes, head_address, head_data, head_cycle,
          head_response_cycle} = head;

  // Told apart from `overflow`, because a deeper memory does not help against it.
  wire outstanding = (write_wanted && !write_known) || (read_wanted && !read_known);

  axil_recorder_control #(
      .LINK_VALUE({16'(OUTSTANDING), 8'(ADDRESS_WIDTH), 8'(DATA_WIDTH)}),
      .CAPACITY_VALUE(32'(DEPTH)),
      .CLOCK_VALUE(CLOCK_HZ)
  ) control (
      .aclk, .aresetn,
      .ctrl_awaddr, .ctrl_awvalid, .ctrl_awready,
      .ctrl_wdata, .ctrl_wstrb, .ctrl_wvalid, .ctrl_wready,
      .ctrl_bresp, .ctrl_bvalid, .ctrl_bready,
      .ctrl_araddr, .ctrl_arvalid, .ctrl_arready,
      .ctrl_rdata, .ctrl_rresp, .ctrl_rvalid, .ctrl_rready,
      .arm, .clear, .skip_reads, .skip_writes, .filter_first, .filter_last,
      .level(32'(level)), .lost, .overflow, .outstanding, .unpaired(tap_unpaired),
      .fetch, .pop,
      .head_gap, .head_write, .head_response,
      .head_strobes(8'(head_strobes)),
      .head_address(64'(head_address)),
      .head_data(64'(head_data)),
      .head_cycle, .head_response_cycle
  );

endmodule

`default_nettype wire
