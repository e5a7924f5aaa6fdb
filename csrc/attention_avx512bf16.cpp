#define LMSI_KERNELS kAvx512Bf16Attention
#include "attention_lanes.inc"
