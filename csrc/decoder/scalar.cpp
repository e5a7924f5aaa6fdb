#define LMSI_KERNELS kScalarDecoder
#include "lanes.inc"
