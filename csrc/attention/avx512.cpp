#define LMSI_KERNELS kAvx512Attention
#include "lanes.inc"
