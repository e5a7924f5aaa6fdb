#define LMSI_KERNELS kScalarDecoder
#include "decoder_lanes.inc"
