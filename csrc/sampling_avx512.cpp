#define LMSI_KERNELS kAvx512Kernels
#include "sampling_lanes.inc"
