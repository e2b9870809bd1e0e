#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "hsm/keyring.h"
#include "ledger/log.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace clawsigner::service {

/// Signs a checkpoint of the log at its start, and then whenever it has grown, at most a second
/// behind, on a thread of its own: with the active key, and beside it with those whose overlap has
/// not ended. The log's origin and its first key are set down in the log itself before its first
/// checkpoint.
class Checkpointer {
public:
    struct Options {
        std::string origin;  // of a log that has none yet; afterwards the log's own counts
        std::chrono::milliseconds every{500};
        std::chrono::milliseconds deadline{2'000};
    };

    /// Starts at once. `log` and `keyring` outlive it.
    Checkpointer(ledger::Log& log, const hsm::Keyring& keyring, Options options);
    ~Checkpointer();
    Checkpointer(const Checkpointer&) = delete;
    Checkpointer& operator=(const Checkpointer&) = delete;

    /// Why the newest checkpoint is not signed; nothing when all is well.
    std::optional<Error> failure() const;

    /// The last leaves and a checkpoint over them. Nothing is signed for the log afterwards.
    Status close(Deadline deadline);

private:
    void run();
    Status sign_when_due();
    Status sign();
    Status set_down(const std::string& name, const std::string& value);

    ledger::Log& log_;
    const hsm::Keyring& keyring_;
    const Options options_;
    std::optional<std::uint64_t> signed_size_;  // by this process

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::optional<Error> failure_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace clawsigner::service
