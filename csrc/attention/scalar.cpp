#define LMSI_KERNELS kScalarAttention
#include "lanes.inc"
