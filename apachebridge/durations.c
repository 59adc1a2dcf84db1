/* Durations in classes that are as wide as they are long. */
#include "modgo.h"

/* Ten bounds, of which the first is this many nanoseconds. */
#define DECADE(first)                                                                                                \
    (first), (first) / 100 * 125, (first) / 10 * 16, (first)*2, (first) / 10 * 25, (first) / 1000 * 3150, (first)*4, \
        (first)*5, (first) / 10 * 63, (first)*8

static const apr_int64_t bounds[MODGO_DURATION_BOUNDS] = {
    DECADE(10000LL),     DECADE(100000LL),     DECADE(1000000LL),     DECADE(10000000LL),
    DECADE(100000000LL), DECADE(1000000000LL), DECADE(10000000000LL), 100000000000LL};

apr_int64_t modgo_duration_bound(int index) { return bounds[index]; }

int modgo_duration_index(apr_int64_t duration)
{
    int low = 0, high = MODGO_DURATION_BOUNDS; /* it is in low..high */

    while (low < high) {
        int middle = (low + high) / 2;

        if (duration <= bounds[middle]) {
            high = middle;
        }
        else {
            low = middle + 1;
        }
    }
    return low;
}
