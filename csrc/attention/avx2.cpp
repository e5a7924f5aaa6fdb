#define LMSI_KERNELS kAvx2Attention
#include "lanes.inc"
