#define LMSI_KERNELS kScalarAttention
#include "attention_lanes.inc"
