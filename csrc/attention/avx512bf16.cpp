#define LMSI_KERNELS kAvx512Bf16Attention
#include "lanes.inc"
