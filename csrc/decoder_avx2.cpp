#define LMSI_KERNELS kAvx2Decoder
#include "decoder_lanes.inc"
