#define LMSI_KERNELS kAvx2Kernels
#include "lanes.inc"
