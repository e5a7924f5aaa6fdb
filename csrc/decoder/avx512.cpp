#define LMSI_KERNELS kAvx512Decoder
#include "lanes.inc"
