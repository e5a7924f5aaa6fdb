#define LMSI_KERNELS kAvx2Decoder
#include "lanes.inc"
