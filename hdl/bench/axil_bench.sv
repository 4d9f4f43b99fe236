// The recorder on a link between the test's master (`link_*`) and a register file, and the same
// link without it: `link_altered` rises when one wire of the two ever differs.
//
// SPDX-License-Identifier: MIT OR Apache-2.0
`default_nettype none
`timescale 1ns / 1ps

module axil_bench #(
    parameter int DATA_WIDTH = 32,
    parameter int DEPTH = 64,
    parameter int OUTSTANDING = 16
) (
    input wire aclk,
    input wire aresetn,
    input wire [7:0] hesitation,

    input wire [31:0] link_awaddr,
    input wire link_awvalid,
    output wire link_awready,
    input wire [DATA_WIDTH-1:0] link_wdata,
    input wire [DATA_WIDTH/8-1:0] link_wstrb,
    input wire link_wvalid,
    output wire link_wready,
    output wire [1:0] link_bresp,
    output wire link_bvalid,
    input wire link_bready,
    input wire [31:0] link_araddr,
    input wire link_arvalid,
    output wire link_arready,
    output wire [DATA_WIDTH-1:0] link_rdata,
    output wire [1:0] link_rresp,
    output wire link_rvalid,
    input wire link_rready,

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
    input wire ctrl_rready,

    output wire [4:0] link_transfers,  // aw, w, b, ar, r
    output wire [4:0] link_broken,
    output wire [4:0] ctrl_broken,
    output logic link_altered,
    output logic lost_with_room
);

  assign link_transfers = {
      link_awvalid & link_awready, link_wvalid & link_wready, link_bvalid & link_bready,
      link_arvalid & link_arready, link_rvalid & link_rready
  };

  axil_register_file #(.DATA_WIDTH(DATA_WIDTH)) device (
      .aclk, .aresetn, .hesitation,
      .awaddr(link_awaddr), .awvalid(link_awvalid), .awready(link_awready),
      .wdata(link_wdata), .wstrb(link_wstrb), .wvalid(link_wvalid), .wready(link_wready),
      .bresp(link_bresp), .bvalid(link_bvalid), .bready(link_bready),
      .araddr(link_araddr), .arvalid(link_arvalid), .arready(link_arready),
      .rdata(link_rdata), .rresp(link_rresp), .rvalid(link_rvalid), .rready(link_rready)
  );

  axil_recorder_block #(
      .DATA_WIDTH(DATA_WIDTH),
      .ADDRESS_WIDTH(32),
      .DEPTH(DEPTH),
      .OUTSTANDING(OUTSTANDING),
      .CLOCK_HZ(100_000_000)
  ) block (
      .aclk, .aresetn,
      .tap_awaddr(link_awaddr), .tap_awvalid(link_awvalid), .tap_awready(link_awready),
      .tap_wdata(link_wdata), .tap_wstrb(link_wstrb),
      .tap_wvalid(link_wvalid), .tap_wready(link_wready),
      .tap_bresp(link_bresp), .tap_bvalid(link_bvalid), .tap_bready(link_bready),
      .tap_araddr(link_araddr), .tap_arvalid(link_arvalid), .tap_arready(link_arready),
      .tap_rdata(link_rdata), .tap_rresp(link_rresp),
      .tap_rvalid(link_rvalid), .tap_rready(link_rready),
      .ctrl_awaddr, .ctrl_awvalid, .ctrl_awready,
      .ctrl_wdata, .ctrl_wstrb, .ctrl_wvalid, .ctrl_wready,
      .ctrl_bresp, .ctrl_bvalid, .ctrl_bready,
      .ctrl_araddr, .ctrl_arvalid, .ctrl_arready,
      .ctrl_rdata, .ctrl_rresp, .ctrl_rvalid, .ctrl_rready
  );

  // the rules, on both ports ---------------------------------------------------------------------

  axil_rules #(.DATA_WIDTH(DATA_WIDTH)) link_rules (
      .aclk, .aresetn,
      .awaddr(link_awaddr), .awvalid(link_awvalid), .awready(link_awready),
      .wdata(link_wdata), .wstrb(link_wstrb), .wvalid(link_wvalid), .wready(link_wready),
      .bresp(link_bresp), .bvalid(link_bvalid), .bready(link_bready),
      .araddr(link_araddr), .arvalid(link_arvalid), .arready(link_arready),
      .rdata(link_rdata), .rresp(link_rresp), .rvalid(link_rvalid), .rready(link_rready),
      .broken(link_broken)
  );

  axil_rules #(.DATA_WIDTH(32), .ADDRESS_WIDTH(12)) ctrl_rules (
      .aclk, .aresetn,
      .awaddr(ctrl_awaddr), .awvalid(ctrl_awvalid), .awready(ctrl_awready),
      .wdata(ctrl_wdata), .wstrb(ctrl_wstrb), .wvalid(ctrl_wvalid), .wready(ctrl_wready),
      .bresp(ctrl_bresp), .bvalid(ctrl_bvalid), .bready(ctrl_bready),
      .araddr(ctrl_araddr), .arvalid(ctrl_arvalid), .arready(ctrl_arready),
      .rdata(ctrl_rdata), .rresp(ctrl_rresp), .rvalid(ctrl_rvalid), .rready(ctrl_rready),
      .broken(ctrl_broken)
  );

  // the same link without the recorder -----------------------------------------------------------

  wire alone_awready, alone_wready, alone_bvalid, alone_arready, alone_rvalid;
  wire [1:0] alone_bresp, alone_rresp;
  wire [DATA_WIDTH-1:0] alone_rdata;

  axil_register_file #(.DATA_WIDTH(DATA_WIDTH)) device_alone (
      .aclk, .aresetn, .hesitation,
      .awaddr(link_awaddr), .awvalid(link_awvalid), .awready(alone_awready),
      .wdata(link_wdata), .wstrb(link_wstrb), .wvalid(link_wvalid), .wready(alone_wready),
      .bresp(alone_bresp), .bvalid(alone_bvalid), .bready(link_bready),
      .araddr(link_araddr), .arvalid(link_arvalid), .arready(alone_arready),
      .rdata(alone_rdata), .rresp(alone_rresp), .rvalid(alone_rvalid), .rready(link_rready)
  );

  always @(posedge aclk) begin
    if (!aresetn)
      link_altered <= 1'b0;
    else if ({link_awready, link_wready, link_bresp, link_bvalid, link_arready, link_rdata, link_rresp,
         link_rvalid} !== {alone_awready, alone_wready, alone_bresp, alone_bvalid, alone_arready,
         alone_rdata, alone_rresp, alone_rvalid})
      link_altered <= 1'b1;
  end

  // A transaction may be lost only in a cycle that leaves the memory full before the drain's pop.
  wire [31:0] level = 32'(block.recorder.level);
  wire popping = block.recorder.pop;
  wire [31:0] lost = block.recorder.lost;
  logic [31:0] lost_before;
  logic popping_before;

  always @(posedge aclk) begin
    lost_before <= lost;
    popping_before <= popping;
    if (!aresetn)
      lost_with_room <= 1'b0;
    else if (lost > lost_before && level + 32'(popping_before) != DEPTH
        && !block.recorder.control.outstanding_seen)
      lost_with_room <= 1'b1;
  end

  // ----------------------------------------------------------------------------------------------

  logic [8*256-1:0] dump_file;
  initial begin
    if ($value$plusargs("vcd=%s", dump_file)) begin
      $dumpfile(dump_file);
      $dumpvars(1, axil_bench);
    end
  end

endmodule

`default_nettype wire
