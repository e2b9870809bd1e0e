#pragma once

#include "service/appliance.h"
#include "support/fixed_clock.h"
#include "support/software_backend.h"

#include <memory>
#include <string>
#include <string_view>

namespace clawsigner::tests {

/// Everything below the sockets, with a key store in memory, a clock that stands still, and a
/// receipt key.
struct SoftwareAppliance {
    explicit SoftwareAppliance(crypto::Algorithm algorithm = crypto::Algorithm::ed25519) {
        backend.generate({crypto::Family::gateway_receipt, 1}, algorithm).value();
    }

    FixedClock clock;
    SoftwareBackend backend;
    hsm::Keyring keyring{
        {{crypto::Family::gateway_receipt, {&backend, crypto::Algorithm::ed25519}}}, {}};
    service::Prober prober{keyring, {crypto::Family::gateway_receipt}, clock};
    service::Appliance appliance{
        &clock, &keyring, &prober, {{"memory", &backend}}, {crypto::Family::gateway_receipt},
        {},     {}};

    crypto::PublicKey key() const { return backend.keys()->keys.front().public_key; }
};

/// A receipt request that is good at the fixed clock's time.
inline const std::string kGoodReceipt =
    R"({"provider":"openai","model":"gpt","request_hash_b64u":"RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o",)"
    R"("response_hash_b64u":"RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o","tokens_input":1,"tokens_output":2,"latency_ms":3})";

}  // namespace clawsigner::tests
