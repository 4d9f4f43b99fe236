// The registers of the recorder behind a 32-bit AXI4-Lite port; axil_recorder.svd describes them.
//
// Addresses without a register read as zero and ignore writes, both with OKAY: a bus error would
// kill the program that looks.
//
// SPDX-License-Identifier: MIT OR Apache-2.0
`default_nettype none

module axil_recorder_control #(
    parameter logic [31:0] LINK_VALUE = 0,
    parameter logic [31:0] CAPACITY_VALUE = 0,
    parameter logic [31:0] CLOCK_VALUE = 0
) (
    input wire aclk,
    input wire aresetn,

    input wire [11:0] ctrl_awaddr,
    input wire ctrl_awvalid,
    output wire ctrl_awready,
    input wire [31:0] ctrl_wdata,
    input wire [3:0] ctrl_wstrb,
    input wire ctrl_wvalid,
    output wire ctrl_wready,
    output wire [1:0] ctrl_bresp,
    output logic ctrl_bvalid,
    input wire ctrl_bready,
    input wire [11:0] ctrl_araddr,
    input wire ctrl_arvalid,
    output wire ctrl_arready,
    output logic [31:0] ctrl_rdata,
    output wire [1:0] ctrl_rresp,
    output logic ctrl_rvalid,
    input wire ctrl_rready,

    output logic arm,
    output logic clear,  // for one cycle
    output logic skip_reads,
    output logic skip_writes,
    output logic [63:0] filter_first,
    output logic [63:0] filter_last,

    input wire [31:0] level,
    input wire [31:0] lost,
    input wire overflow,
    input wire outstanding,
    input wire unpaired,

    output wire fetch,
    output wire pop,
    input wire [15:0] head_gap,
    input wire head_write,
    input wire [1:0] head_response,
    input wire [7:0] head_strobes,
    input wire [63:0] head_address,
    input wire [63:0] head_data,
    input wire [47:0] head_cycle,
    input wire [47:0] head_response_cycle
);

  localparam logic [31:0] ID_VALUE = 32'h4250_5231;  // "BPR1"

  localparam logic [11:0] ID = 12'h000;
  localparam logic [11:0] LINK = 12'h004;
  localparam logic [11:0] CAPACITY = 12'h008;
  localparam logic [11:0] CLOCK = 12'h00C;
  localparam logic [11:0] CONTROL = 12'h010;
  localparam logic [11:0] STATUS = 12'h014;
  localparam logic [11:0] LEVEL = 12'h018;
  localparam logic [11:0] LOST = 12'h01C;
  localparam logic [11:0] FIRST_LOW = 12'h020;
  localparam logic [11:0] FIRST_HIGH = 12'h024;
  localparam logic [11:0] LAST_LOW = 12'h028;
  localparam logic [11:0] LAST_HIGH = 12'h02C;
  localparam logic [11:0] RECORD = 12'h040;

  assign ctrl_bresp = 2'b00;
  assign ctrl_rresp = 2'b00;

  // Registers are words; a narrower read finds its byte in the word's lane.
  wire unused = &{1'b0, ctrl_awaddr[1:0], ctrl_araddr[1:0]};

  // writes: address and data come in either order ------------------------------------------------

  logic address_held, data_held;
  logic [11:0] address;
  logic [31:0] data;
  logic [3:0] strobes;

  assign ctrl_awready = !address_held;
  assign ctrl_wready = !data_held;
  wire write = address_held && data_held && !ctrl_bvalid;

  always_ff @(posedge aclk) begin
    if (ctrl_awready) address <= {ctrl_awaddr[11:2], 2'b00};
    if (ctrl_wready) {data, strobes} <= {ctrl_wdata, ctrl_wstrb};
    if (!aresetn) begin
      {address_held, data_held, ctrl_bvalid} <= '0;
    end else begin
      address_held <= write ? 1'b0 : address_held || ctrl_awvalid;
      data_held <= write ? 1'b0 : data_held || ctrl_wvalid;
      ctrl_bvalid <= write || (ctrl_bvalid && !ctrl_bready);
    end
  end

  function automatic logic [31:0] merge(input logic [31:0] old, input logic [31:0] data_in,
                                        input logic [3:0] strobes_in);
    merge = {strobes_in[3] ? data_in[31:24] : old[31:24], strobes_in[2] ? data_in[23:16] : old[23:16],
             strobes_in[1] ? data_in[15:8] : old[15:8], strobes_in[0] ? data_in[7:0] : old[7:0]};
  endfunction

  always_ff @(posedge aclk) begin
    if (!aresetn) begin
      {arm, clear, skip_reads, skip_writes} <= '0;
      filter_first <= '0;
      filter_last <= '1;
    end else begin
      clear <= write && address == CONTROL && strobes[0] && data[1];
      if (write) begin
        case (address)
          CONTROL: if (strobes[0]) {skip_writes, skip_reads, arm} <= {data[3:2], data[0]};
          FIRST_LOW: filter_first[31:0] <= merge(filter_first[31:0], data, strobes);
          FIRST_HIGH: filter_first[63:32] <= merge(filter_first[63:32], data, strobes);
          LAST_LOW: filter_last[31:0] <= merge(filter_last[31:0], data, strobes);
          LAST_HIGH: filter_last[63:32] <= merge(filter_last[63:32], data, strobes);
          default: ;
        endcase
      end
    end
  end

  // what happened since the last clear -----------------------------------------------------------

  logic outstanding_seen, unpaired_seen;

  always_ff @(posedge aclk) begin
    if (!aresetn || clear) begin
      {outstanding_seen, unpaired_seen} <= '0;
    end else begin
      outstanding_seen <= outstanding_seen || outstanding;
      unpaired_seen <= unpaired_seen || unpaired;
    end
  end

  // reads: the address, the memory's cycle, the data ---------------------------------------------

  logic fetching;
  logic [11:0] read_address;
  logic [2:0] word;      // of the oldest record, to be read next
  logic record_present;  // at `fetching`: the memory holds a record

  wire read_taken = ctrl_arvalid && ctrl_arready;
  assign ctrl_arready = !fetching && !ctrl_rvalid;
  assign fetch = read_taken;
  wire word_taken = fetching && read_address == RECORD && record_present;
  assign pop = word_taken && word == 3'd7;

  always_ff @(posedge aclk) begin
    if (read_taken) read_address <= {ctrl_araddr[11:2], 2'b00};
    if (!aresetn) begin
      {fetching, ctrl_rvalid, record_present} <= '0;
      word <= '0;
    end else begin
      fetching <= read_taken;
      record_present <= level != 0 && !clear;
      ctrl_rvalid <= fetching || (ctrl_rvalid && !ctrl_rready);
      word <= clear ? '0 : word + 3'(word_taken);
    end
  end

  wire [255:0] record = {
      {head_response_cycle[47:32], head_cycle[47:32]},
      head_response_cycle[31:0],
      head_cycle[31:0],
      head_data,
      head_address,
      {head_gap, head_strobes, 4'b0, head_response, head_write, 1'b1}
  };

  always_ff @(posedge aclk) begin
    if (fetching) begin
      case (read_address)
        ID: ctrl_rdata <= ID_VALUE;
        LINK: ctrl_rdata <= LINK_VALUE;
        CAPACITY: ctrl_rdata <= CAPACITY_VALUE;
        CLOCK: ctrl_rdata <= CLOCK_VALUE;
        CONTROL: ctrl_rdata <= {28'b0, skip_writes, skip_reads, 1'b0, arm};
        STATUS:
        ctrl_rdata <= {21'b0, word, 4'b0, level == 0, unpaired_seen, outstanding_seen, overflow};
        LEVEL: ctrl_rdata <= level;
        LOST: ctrl_rdata <= lost;
        FIRST_LOW: ctrl_rdata <= filter_first[31:0];
        FIRST_HIGH: ctrl_rdata <= filter_first[63:32];
        LAST_LOW: ctrl_rdata <= filter_last[31:0];
        LAST_HIGH: ctrl_rdata <= filter_last[63:32];
        RECORD: ctrl_rdata <= record_present ? record[{word, 5'b0} +: 32] : '0;
        default: ctrl_rdata <= '0;
      endcase
    end
  end

endmodule

`default_nettype wire
