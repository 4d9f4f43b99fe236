// The recorder for a Vivado block design, whose module references want plain Verilog.
//
// The attributes make `tap` an interface of the monitor kind, to be drawn onto the link under
// watch, and `ctrl` an AXI4-Lite slave.
//
// SPDX-License-Identifier: MIT OR Apache-2.0
`default_nettype none

module axil_recorder_block #(
    parameter integer DATA_WIDTH = 32,
    parameter integer ADDRESS_WIDTH = 32,
    parameter integer DEPTH = 1024,
    parameter integer OUTSTANDING = 16,
    parameter integer CLOCK_HZ = 100000000
) (
    (* X_INTERFACE_INFO = "xilinx.com:signal:clock:1.0 aclk CLK" *)
    (* X_INTERFACE_PARAMETER = "ASSOCIATED_BUSIF tap:ctrl, ASSOCIATED_RESET aresetn" *)
    input wire aclk,
    (* X_INTERFACE_INFO = "xilinx.com:signal:reset:1.0 aresetn RST" *)
    (* X_INTERFACE_PARAMETER = "POLARITY ACTIVE_LOW" *)
    input wire aresetn,

    (* X_INTERFACE_MODE = "monitor" *)
    (* X_INTERFACE_INFO = "xilinx.com:interface:aximm:1.0 tap AWADDR" *)
    input wire [ADDRESS_WIDTH-1:0] tap_awaddr,
    (* X_INTERFACE_INFO = "xilinx.com:interface:aximm:1.0 tap AWVALID" *)
    input wire tap_awvalid,
    (* X_INTERFACE_INFO = "xilinx.com:interface:aximm:1.0 tap AWREADY" *)
    input wire tap_awready,
    (* X_INTERFACE_INFO = "xilinx.com:interface:aximm:1.0 tap WDATA" *)
    input wire [DATA_WIDTH-1:0] tap_wdata,
    (* X_INTERFACE_INFO = "xilinx.com:interface:aximm:1.0 tap WSTRB" *)
    input wire [DATA_WIDTH/8-1:0] tap_wstrb,
    (* X_INTERFACE_INFO = "xilinx.com:interface:aximm:1.0 tap WVALID" *)
    input wire tap_wvalid,
    (* X_INTERFACE_INFO = "xilinx.com:interface:aximm:1.0 tap WREADY" *)
    input wire tap_wready,
    (* X_INTERFACE_INFO = "xilinx.com:interface:aximm:1.0 tap BRESP" *)
    input wire [1:0] tap_bresp,
    (* X_INTERFACE_INFO = "xilinx.com:interface:aximm:1.0 tap BVALID" *)
    input wire tap_bvalid,
    (* X_INTERFACE_INFO = "xilinx.com:interface:aximm:1.0 tap BREADY" *)
    input wire tap_bready,
    (* X_INTERFACE_INFO = "xilinx.com:interface:aximm:1.0 tap ARADDR" *)
    input wire [ADDRESS_WIDTH-1:0] tap_araddr,
    (* X_INTERFACE_INFO = "xilinx.com:interface:aximm:1.0 tap ARVALID" *)
    input wire tap_arvalid,
    (* X_INTERFACE_INFO = "xilinx.com:interface:aximm:1.0 tap ARREADY" *)
    input wire tap_arready,
    (* X_INTERFACE_INFO = "xilinx.com:interface:aximm:1.0 tap RDATA" *)
    input wire [DATA_WIDTH-1:0] tap_rdata,
    (* X_INTERFACE_INFO = "xilinx.com:interface:aximm:1.0 tap RRESP" *)
    input wire [1:0] tap_rresp,
    (* X_INTERFACE_INFO = "xilinx.com:interface:aximm:1.0 tap RVALID" *)
    input wire tap_rvalid,
    (* X_INTERFACE_INFO = "xilinx.com:interface:aximm:1.0 tap RREADY" *)
    input wire tap_rready,

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

  axil_recorder #(
      .DATA_WIDTH(DATA_WIDTH),
      .ADDRESS_WIDTH(ADDRESS_WIDTH),
      .DEPTH(DEPTH),
      .OUTSTANDING(OUTSTANDING),
      .CLOCK_HZ(CLOCK_HZ)
  ) recorder (
      .aclk(aclk), .aresetn(aresetn),
      .tap_awaddr(tap_awaddr), .tap_awvalid(tap_awvalid), .tap_awready(tap_awready),
      .tap_wdata(tap_wdata), .tap_wstrb(tap_wstrb), .tap_wvalid(tap_wvalid), .tap_wready(tap_wready),
      .tap_bresp(tap_bresp), .tap_bvalid(tap_bvalid), .tap_bready(tap_bready),
      .tap_araddr(tap_araddr), .tap_arvalid(tap_arvalid), .tap_arready(tap_arready),
      .tap_rdata(tap_rdata), .tap_rresp(tap_rresp), .tap_rvalid(tap_rvalid), .tap_rready(tap_rready),
      .ctrl_awaddr(ctrl_awaddr), .ctrl_awvalid(ctrl_awvalid), .ctrl_awready(ctrl_awready),
      .ctrl_wdata(ctrl_wdata), .ctrl_wstrb(ctrl_wstrb),
      .ctrl_wvalid(ctrl_wvalid), .ctrl_wready(ctrl_wready),
      .ctrl_bresp(ctrl_bresp), .ctrl_bvalid(ctrl_bvalid), .ctrl_bready(ctrl_bready),
      .ctrl_araddr(ctrl_araddr), .ctrl_arvalid(ctrl_arvalid), .ctrl_arready(ctrl_arready),
      .ctrl_rdata(ctrl_rdata), .ctrl_rresp(ctrl_rresp),
      .ctrl_rvalid(ctrl_rvalid), .ctrl_rready(ctrl_rready)
  );

endmodule

`default_nettype wire
