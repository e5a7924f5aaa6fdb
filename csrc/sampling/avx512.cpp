#define LMSI_KERNELS kAvx512Kernels
#include "lanes.inc"
