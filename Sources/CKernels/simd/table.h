// The table of one instruction set: everything above under the name KERNELS.
#include "vector.h"
#include "gemm.h"
#include "source.h"
#include "winograd.h"
#include "winograd_weight.h"
#include "pixels.h"
#include "single.h"
#include "depthwise.h"
#include "naf.h"
#include "naf_backward.h"
#include "normalisation.h"

const ck_kernels KERNELS = {
    .pack_winograd = pack_winograd,
    .winograd = winograd,
    .winograd_weight = winograd_weight,
    .pack_pixel = pack_pixel,
    .pixel_product = pixel_product,
    .pixel_weight = pixel_weight,
    .single_input = single_input,
    .single_input_weight = single_input_weight,
    .single_output = single_output,
    .single_output_backward = single_output_backward,
    .single_output3 = single_output3,
    .depthwise = depthwise,
    .depthwise_weight = depthwise_weight,
    .naf_gate = naf_gate,
    .naf_mix = naf_mix,
    .naf_mix_backward = naf_mix_backward,
    .naf_gate_backward = naf_gate_backward,
    .channel_sums = channel_sums,
    .read_source = read_source,
    .gradient_statistics = gradient_statistics,
    .max_pool = max_pool,
    .max_pool_backward = max_pool_backward,
    .multiply_adds = multiply_adds,
};
