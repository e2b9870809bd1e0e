#pragma once

#include "bench/exchange.h"

#include <string>
#include <string_view>

namespace clawsigner::bench {

/// POST of a JSON body over a connection that is kept; any status but 200 is an error.
Exchange http_post(std::string_view target, std::string_view body);

/// The same of a batch, in whose reply no element may be an error either.
Exchange http_post_batch(std::string_view target, std::string_view body);

/// GET over a connection that is kept; any status but 200 is an error.
Exchange http_get(std::string_view target);

}  // namespace clawsigner::bench
