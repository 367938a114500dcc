// The table of one instruction set: everything above under the name KERNELS.
#include "vector.h"
#include "gemm.h"
#include "winograd.h"
#include "pixels.h"
#include "single.h"
#include "depthwise.h"
#include "normalisation.h"

const ck_kernels KERNELS = {
    pack_winograd, winograd, winograd_weight, pack_pixel, pixel_product, pixel_weight, single_input, single_input_weight,
    single_output, single_output_backward, depthwise, depthwise_weight, channel_sums, norm_forward, norm_sums, norm_backward, max_pool,
    max_pool_backward,
};
