#define LMSI_KERNELS kScalarKernels
#include "sampling_lanes.inc"
