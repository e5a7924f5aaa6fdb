#define LMSI_KERNELS kAvx512Attention
#include "attention_lanes.inc"
