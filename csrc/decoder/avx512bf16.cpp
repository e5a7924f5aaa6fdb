#define LMSI_KERNELS kAvx512Bf16Decoder
#include "lanes.inc"
