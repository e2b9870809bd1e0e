#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "hsm/keyring.h"

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace clawsigner::service {

/// The last time a family's key made a signature that verified, and what has gone wrong since.
struct ProbeRecord {
    std::optional<std::chrono::steady_clock::time_point> succeeded;
    std::optional<UnixMillis> succeeded_at;  // the same moment, for people
    std::optional<Error> failure;            // of the latest probe
};

/// Signs a probe with every family's key from time to time, on a thread of its own: health is a
/// recent real signature, not a process that is up.
class Prober {
public:
    /// How old the last good probe may be for a family to count as ready.
    static constexpr std::chrono::seconds kFresh{15};

    struct Options {
        std::chrono::milliseconds every{5'000};
        std::chrono::milliseconds every_while_failing{100};
        std::chrono::milliseconds deadline{2'000};  // of one probe, as of any other signature
    };

    /// Starts probing at once. `keyring` and `clock` outlive the prober.
    Prober(const hsm::Keyring& keyring, std::vector<crypto::Family> families, const Clock& clock,
           Options options);
    Prober(const hsm::Keyring& keyring, std::vector<crypto::Family> families, const Clock& clock)
        : Prober(keyring, std::move(families), clock, Options()) {}
    ~Prober();
    Prober(const Prober&) = delete;
    Prober& operator=(const Prober&) = delete;

    ProbeRecord record(crypto::Family family) const;

    /// Probes now instead of when it is time: something has changed. Does not wait for the outcome.
    void wake();

private:
    void run();
    /// True when every family's probe was good.
    bool probe_all();
    void note(crypto::Family family, const Status& outcome);

    const hsm::Keyring& keyring_;
    const std::vector<crypto::Family> families_;
    const Clock& clock_;
    const Options options_;

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::map<crypto::Family, ProbeRecord> records_;
    bool woken_ = false;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace clawsigner::service
