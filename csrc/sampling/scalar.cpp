#define LMSI_KERNELS kScalarKernels
#include "lanes.inc"
