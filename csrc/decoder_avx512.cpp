#define LMSI_KERNELS kAvx512Decoder
#include "decoder_lanes.inc"
