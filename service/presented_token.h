#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "claw/token.h"
#include "crypto/digest.h"
#include "ledger/log.h"
#include "policy/call_decision.h"
#include "service/lifecycle.h"

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace clawsigner::service {

/// A token of ours that somebody shows, verified but for its time and its audience.
struct PresentedToken {
    claw::Token token;
    policy::TokenKind kind{};
    std::string sha256;      // of its text, as its leaf has it
    std::string scope_hash;  // token_scope_hash_b64u
};

/// The tokens this appliance has issued, as they come back. One that was made since the start is
/// known by its text, whose signature was verified then; any other is verified once, and looked
/// for in the log once. Either is known for as long as its key may be accepted, and until newer
/// ones take its place. Thread-safe.
class PresentedTokens {
public:
    static constexpr std::size_t kMaxKnown = 4'096;
    static constexpr std::size_t kMaxKnownBytes = 8UL << 20U;  // of their texts

    /// Both outlive it.
    PresentedTokens(ledger::Log& log, const Lifecycle& lifecycle)
        : log_(log), lifecycle_(lifecycle) {}

    /// Which keys may have signed it.
    enum class Keys {
        published,  // those a verifier may accept now
        past,       // also those that had their time, but are not compromised
    };
    /// Errors: policy_denied at "cst" by token.invalid, when it is no token of one of these keys;
    /// token.unrecorded, when the log has no leaf of exactly this text; ledger_blocked,
    /// ledger_damaged.
    Result<std::shared_ptr<const PresentedToken>> verify(std::string_view cst, UnixMillis now,
                                                         Keys keys = Keys::published);

    /// A token of this text is being issued, signed by the key of this kid: neither its signature
    /// nor its leaf need to be looked for. Nobody has the text before its leaf is on disk.
    void note_issued(std::string_view cst, PresentedToken token, std::string_view kid);

private:
    struct Known {
        std::shared_ptr<const PresentedToken> token;
        std::shared_ptr<const Families> families;  // under which it was verified
        std::optional<UnixMillis> not_after;       // of its key
        std::size_t bytes = 0;                     // of its text
    };
    class Table {
    public:
        const Known* find(const crypto::Sha256& name) const;
        void put(const crypto::Sha256& name, Known value);

    private:
        std::map<crypto::Sha256, Known> values_;
        std::deque<crypto::Sha256> order_;  // the oldest first
        std::size_t bytes_ = 0;
    };

    Result<std::shared_ptr<const PresentedToken>> verify_anew(std::string_view cst,
                                                              const crypto::Sha256& name,
                                                              UnixMillis now, Keys keys);
    Result<policy::TokenKind> kind_of(const PresentedToken& token, const crypto::Sha256& name);

    ledger::Log& log_;
    const Lifecycle& lifecycle_;
    std::mutex mutex_;
    Table known_;
};

}  // namespace clawsigner::service
