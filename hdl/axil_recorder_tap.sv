// Turns the handshakes of an AXI4-Lite link into transactions.
//
// The i-th AW, the i-th W and the i-th B are one write, the i-th AR and the i-th R one read; AW and
// W come in either order. A transaction is done when its response is taken.
//
// SPDX-License-Identifier: MIT OR Apache-2.0
`default_nettype none

module axil_recorder_tap #(
    parameter int DATA_WIDTH = 32,
    parameter int ADDRESS_WIDTH = 32,
    parameter int OUTSTANDING = 16,
    parameter int CYCLE_WIDTH = 48
) (
    input wire aclk,
    input wire aresetn,

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

    output logic write_done,
    output logic write_known,  // the address, data and strobes are this write's
    output logic [ADDRESS_WIDTH-1:0] write_address,
    output logic [DATA_WIDTH-1:0] write_data,
    output logic [DATA_WIDTH/8-1:0] write_strobes,
    output logic [1:0] write_response,
    output logic [CYCLE_WIDTH-1:0] write_cycle,  // in which the address was taken

    output logic read_done,
    output logic read_known,  // the address is this read's
    output logic [ADDRESS_WIDTH-1:0] read_address,
    output logic [DATA_WIDTH-1:0] read_data,
    output logic [1:0] read_response,
    output logic [CYCLE_WIDTH-1:0] read_cycle,  // in which the address was taken

    output logic [CYCLE_WIDTH-1:0] response_cycle,  // of the transactions done now
    output logic unpaired  // a response came to which there was no request
);

  // One register after the link: the recorder adds a load to its wires, and no path.
  logic aw, w, b, ar, r;
  logic [ADDRESS_WIDTH-1:0] awaddr, araddr;
  logic [DATA_WIDTH-1:0] wdata, rdata;
  logic [DATA_WIDTH/8-1:0] wstrb;
  logic [1:0] bresp, rresp;
  logic [CYCLE_WIDTH-1:0] cycle;

  always_ff @(posedge aclk) begin
    awaddr <= tap_awaddr;
    wdata <= tap_wdata;
    wstrb <= tap_wstrb;
    bresp <= tap_bresp;
    araddr <= tap_araddr;
    rdata <= tap_rdata;
    rresp <= tap_rresp;
    if (!aresetn) begin
      {aw, w, b, ar, r} <= '0;
      cycle <= '0;
    end else begin
      aw <= tap_awvalid && tap_awready;
      w <= tap_wvalid && tap_wready;
      b <= tap_bvalid && tap_bready;
      ar <= tap_arvalid && tap_arready;
      r <= tap_rvalid && tap_rready;
      cycle <= cycle + 1'b1;
    end
  end

  wire aw_waiting, aw_known, w_waiting, w_known, ar_waiting, ar_known;
  wire [ADDRESS_WIDTH-1:0] aw_address, ar_address;
  wire [CYCLE_WIDTH-1:0] aw_cycle, ar_cycle;
  wire [DATA_WIDTH-1:0] w_data;
  wire [DATA_WIDTH/8-1:0] w_strobes;

  wire write_paired = b && aw_waiting && w_waiting;
  wire read_paired = r && ar_waiting;

  axil_recorder_queue #(.WIDTH(ADDRESS_WIDTH + CYCLE_WIDTH), .DEPTH(OUTSTANDING)) aw_queue (
      .aclk, .aresetn,
      .push(aw), .push_value({awaddr, cycle}), .pop(write_paired),
      .waiting(aw_waiting), .known(aw_known), .value({aw_address, aw_cycle})
  );

  axil_recorder_queue #(.WIDTH(DATA_WIDTH + DATA_WIDTH / 8), .DEPTH(OUTSTANDING)) w_queue (
      .aclk, .aresetn,
      .push(w), .push_value({wdata, wstrb}), .pop(write_paired),
      .waiting(w_waiting), .known(w_known), .value({w_data, w_strobes})
  );

  axil_recorder_queue #(.WIDTH(ADDRESS_WIDTH + CYCLE_WIDTH), .DEPTH(OUTSTANDING)) ar_queue (
      .aclk, .aresetn,
      .push(ar), .push_value({araddr, cycle}), .pop(read_paired),
      .waiting(ar_waiting), .known(ar_known), .value({ar_address, ar_cycle})
  );

  always_ff @(posedge aclk) begin
    write_known <= aw_known && w_known;
    write_address <= aw_address;
    write_data <= w_data;
    write_strobes <= w_strobes;
    write_response <= bresp;
    write_cycle <= aw_cycle;
    read_known <= ar_known;
    read_address <= ar_address;
    read_data <= rdata;
    read_response <= rresp;
    read_cycle <= ar_cycle;
    response_cycle <= cycle;
    if (!aresetn) begin
      {write_done, read_done, unpaired} <= '0;
    end else begin
      write_done <= write_paired;
      read_done <= read_paired;
      unpaired <= (b && !write_paired) || (r && !read_paired);
    end
  end

endmodule

`default_nettype wire
