// A device for the bench: registers behind AXI4-Lite that take several requests before they answer,
// and hesitate at random on every channel.
//
// Addresses beyond the registers are answered with SLVERR. Two of these with the same inputs do the
// same in every cycle.
//
// SPDX-License-Identifier: MIT OR Apache-2.0
`default_nettype none

module axil_register_file #(
    parameter int DATA_WIDTH = 32,
    parameter int ADDRESS_WIDTH = 32,
    parameter int BYTES = 4096,      // a power of two
    parameter int OUTSTANDING = 8    // a power of two
) (
    input wire aclk,
    input wire aresetn,
    input wire [7:0] hesitation,  // 0 never, 255 nearly always

    input wire [ADDRESS_WIDTH-1:0] awaddr,
    input wire awvalid,
    output wire awready,
    input wire [DATA_WIDTH-1:0] wdata,
    input wire [DATA_WIDTH/8-1:0] wstrb,
    input wire wvalid,
    output wire wready,
    output logic [1:0] bresp,
    output logic bvalid,
    input wire bready,
    input wire [ADDRESS_WIDTH-1:0] araddr,
    input wire arvalid,
    output wire arready,
    output logic [DATA_WIDTH-1:0] rdata,
    output logic [1:0] rresp,
    output logic rvalid,
    input wire rready
);

  localparam int LANES = DATA_WIDTH / 8;
  localparam int INDEX = $clog2(OUTSTANDING);
  localparam logic [1:0] OKAY = 2'b00, SLVERR = 2'b10;

  logic [DATA_WIDTH-1:0] registers[BYTES/LANES];
  logic [ADDRESS_WIDTH-1:0] aw_requests[OUTSTANDING], ar_requests[OUTSTANDING];
  logic [DATA_WIDTH-1:0] w_data[OUTSTANDING];
  logic [LANES-1:0] w_strobes[OUTSTANDING];
  logic [INDEX:0] aw_taken, w_taken, writes_done, ar_taken, reads_done;

  // Galois form, x^32 + x^22 + x^2 + x + 1, five bytes' worth of steps apart by the cycle.
  logic [31:0] noise;
  function automatic logic hesitates(input logic [7:0] byte_of_noise);
    hesitates = byte_of_noise < hesitation;
  endfunction

  initial for (int i = 0; i < BYTES / LANES; i++) registers[i] = '0;

  // READY is a register's output, held until the transfer: no path leads from VALID to it.
  logic aw_open, w_open, ar_open;
  assign awready = aw_open;
  assign wready = w_open;
  assign arready = ar_open;

  wire [INDEX:0] aw_waiting = aw_taken - writes_done;
  wire [INDEX:0] w_waiting = w_taken - writes_done;
  wire [INDEX:0] ar_waiting = ar_taken - reads_done;
  wire [ADDRESS_WIDTH-1:0] write_to = aw_requests[writes_done[INDEX-1:0]];
  wire [ADDRESS_WIDTH-1:0] read_from = ar_requests[reads_done[INDEX-1:0]];
  wire answer_write = aw_waiting != 0 && w_waiting != 0 && (!bvalid || bready)
      && !hesitates(noise[31:24]);
  wire answer_read = ar_waiting != 0 && (!rvalid || rready) && !hesitates({noise[3:0], noise[31:28]});

  always @(posedge aclk) begin
    if (!aresetn) begin
      noise <= 32'h1;
      {aw_open, w_open, ar_open, bvalid, rvalid} <= '0;
      {aw_taken, w_taken, writes_done, ar_taken, reads_done} <= '0;
    end else begin
      for (int i = 0; i < 5; i++) noise = {1'b0, noise[31:1]} ^ (noise[0] ? 32'h8020_0003 : 32'h0);

      if (awvalid && awready) begin
        aw_requests[aw_taken[INDEX-1:0]] <= awaddr;
        aw_taken <= aw_taken + 1'b1;
      end
      if (wvalid && wready) begin
        w_data[w_taken[INDEX-1:0]] <= wdata;
        w_strobes[w_taken[INDEX-1:0]] <= wstrb;
        w_taken <= w_taken + 1'b1;
      end
      if (arvalid && arready) begin
        ar_requests[ar_taken[INDEX-1:0]] <= araddr;
        ar_taken <= ar_taken + 1'b1;
      end
      aw_open <= 32'(aw_waiting) < OUTSTANDING - 1 && !hesitates(noise[7:0]);
      w_open <= 32'(w_waiting) < OUTSTANDING - 1 && !hesitates(noise[15:8]);
      ar_open <= 32'(ar_waiting) < OUTSTANDING - 1 && !hesitates(noise[23:16]);

      if (bready) bvalid <= 1'b0;
      if (answer_write) begin
        bvalid <= 1'b1;
        bresp <= write_to < BYTES ? OKAY : SLVERR;
        for (int lane = 0; lane < LANES; lane++)
          if (w_strobes[writes_done[INDEX-1:0]][lane] && write_to < BYTES)
            registers[write_to[$clog2(BYTES)-1:$clog2(LANES)]][8*lane+:8]
                <= w_data[writes_done[INDEX-1:0]][8*lane+:8];
        writes_done <= writes_done + 1'b1;
      end

      if (rready) rvalid <= 1'b0;
      if (answer_read) begin
        rvalid <= 1'b1;
        rresp <= read_from < BYTES ? OKAY : SLVERR;
        rdata <= read_from < BYTES ? registers[read_from[$clog2(BYTES)-1:$clog2(LANES)]] : '0;
        reads_done <= reads_done + 1'b1;
      end
    end
  end

endmodule

`default_nettype wire
