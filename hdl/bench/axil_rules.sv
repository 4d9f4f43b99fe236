// The rules of AXI4-Lite that a link shows when they are broken; one bit of `broken` a rule.
//
// Section numbers are those of the AMBA AXI and ACE Protocol Specification, ARM IHI 0022.
//
// SPDX-License-Identifier: MIT OR Apache-2.0
`default_nettype none

module axil_rules #(
    parameter int DATA_WIDTH = 32,
    parameter int ADDRESS_WIDTH = 32
) (
    input wire aclk,
    input wire aresetn,
    input wire [ADDRESS_WIDTH-1:0] awaddr,
    input wire awvalid,
    input wire awready,
    input wire [DATA_WIDTH-1:0] wdata,
    input wire [DATA_WIDTH/8-1:0] wstrb,
    input wire wvalid,
    input wire wready,
    input wire [1:0] bresp,
    input wire bvalid,
    input wire bready,
    input wire [ADDRESS_WIDTH-1:0] araddr,
    input wire arvalid,
    input wire arready,
    input wire [DATA_WIDTH-1:0] rdata,
    input wire [1:0] rresp,
    input wire rvalid,
    input wire rready,
    output logic [4:0] broken
);

  // Bits of `broken`.
  localparam int VALID_UNTIL_READY = 0;   // A3.2.1: VALID and its payload hold until READY
  localparam int VALID_LOW_IN_RESET = 1;  // A3.1.2: after reset VALID starts low
  localparam int B_AFTER_AW_AND_W = 2;    // A3.3.1: a write is answered after its address and data
  localparam int R_AFTER_AR = 3;          // A3.3.1: a read is answered after its address
  localparam int KNOWN = 4;               // VALID, READY and responses are 0 or 1

  wire [4:0] valid = {awvalid, wvalid, bvalid, arvalid, rvalid};
  wire [4:0] ready = {awready, wready, bready, arready, rready};
  logic [4:0] valid_before, ready_before;
  logic [ADDRESS_WIDTH-1:0] awaddr_before, araddr_before;
  logic [DATA_WIDTH+DATA_WIDTH/8-1:0] w_before;
  logic [1:0] bresp_before;
  logic [DATA_WIDTH+1:0] r_before;
  logic in_reset_before;
  int aw_taken, w_taken, writes_answered, ar_taken, reads_answered;

  wire [4:0] stalled = valid_before & ~ready_before;
  wire [4:0] changed = {
      awaddr !== awaddr_before, {wdata, wstrb} !== w_before, bresp !== bresp_before,
      araddr !== araddr_before, {rdata, rresp} !== r_before
  };

  always @(posedge aclk) begin
    valid_before <= valid;
    ready_before <= ready;
    awaddr_before <= awaddr;
    w_before <= {wdata, wstrb};
    bresp_before <= bresp;
    araddr_before <= araddr;
    r_before <= {rdata, rresp};
    in_reset_before <= !aresetn;
    if (!aresetn) begin
      {aw_taken, w_taken, writes_answered, ar_taken, reads_answered} <= '0;
      broken <= '0;
    end else begin
      if (awvalid && awready) aw_taken <= aw_taken + 1;
      if (wvalid && wready) w_taken <= w_taken + 1;
      if (bvalid && bready) writes_answered <= writes_answered + 1;
      if (arvalid && arready) ar_taken <= ar_taken + 1;
      if (rvalid && rready) reads_answered <= reads_answered + 1;

      if (in_reset_before) begin
        if (valid != 0) broken[VALID_LOW_IN_RESET] <= 1'b1;
      end else if ((stalled & ~valid) != 0 || (stalled & changed) != 0) begin
        broken[VALID_UNTIL_READY] <= 1'b1;
      end
      if (bvalid && (writes_answered >= aw_taken || writes_answered >= w_taken))
        broken[B_AFTER_AW_AND_W] <= 1'b1;
      if (rvalid && reads_answered >= ar_taken) broken[R_AFTER_AR] <= 1'b1;
      if (^{valid, ready} === 1'bx || (bvalid && ^bresp === 1'bx) || (rvalid && ^rresp === 1'bx))
        broken[KNOWN] <= 1'b1;
    end
  end

endmodule

`default_nettype wire
