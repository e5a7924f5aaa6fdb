#define LMSI_KERNELS kAvx2Kernels
#include "sampling_lanes.inc"
