#define LMSI_KERNELS kAvx512Bf16Decoder
#include "decoder_lanes.inc"
