#define LMSI_KERNELS kAvx2Attention
#include "attention_lanes.inc"
