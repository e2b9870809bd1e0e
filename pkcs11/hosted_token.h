#pragma once

#include "pkcs11/host_process.h"
#include "pkcs11/host_protocol.h"
#include "pkcs11/token.h"

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace clawsigner::pkcs11 {

/// A token whose module runs in a child process. A call that does not return by its deadline ends
/// the process, and with it everybody else's calls; so does a call that crashes. Whoever finds a
/// lane free speaks for all who wait, in one write. What the PIN opens
/// is the child's: this process never sees it.
class HostedToken final : public Token {
public:
    /// `on_death` is called, from another thread, when the process ends by itself. `called_off`
    /// ends the opening and its process, but for a login that is under way. Errors: as
    /// InlineToken::open; hsm_down, also when the process ends or does not answer.
    static Result<std::unique_ptr<HostedToken>> open(const TokenSettings& settings, LoginGate& gate,
                                                     std::function<void(const Error&)> on_death,
                                                     const std::stop_token& called_off);

    Result<crypto::Signature> sign(const hsm::KeyId& key, ByteView message,
                                   Deadline deadline) override;
    Result<hsm::StoredKey> generate(const hsm::KeyName& name, crypto::Algorithm algorithm) override;
    Status discard(const std::string& handle) override;
    Status destroy(const hsm::KeyId& key) override;
    std::shared_ptr<const hsm::KeySnapshot> keys() const override;
    const std::string& description() const noexcept override { return description_; }
    void abandon() noexcept override { process_->kill(); }

private:
    static constexpr std::size_t kMostLanes = 64;

    explicit HostedToken(std::chrono::milliseconds patience) : patience_(patience) {}

    Result<host::Reply> ask(host::Channel& channel, const host::Question& question,
                            Deadline deadline);
    Result<host::Reply> open_in_child(const TokenSettings& settings, LoginGate& gate,
                                      const std::stop_token& called_off);
    Result<host::Reply> log_in_in_child(LoginGate& gate, Deadline deadline);
    Status take_opened(Result<host::Reply> reply);
    void set_keys(hsm::KeySnapshot keys);
    Result<host::Reply> hear(host::Channel& channel, Deadline deadline);
    /// Why there was no answer, after making sure that there will be none.
    Error no_answer(const Error& error);

    /// A signature somebody waits for.
    struct Waiting {
        hsm::KeyId key;
        ByteView message;
        Deadline deadline;
        bool taken = false;  // by who speaks for it
        std::optional<Result<crypto::Signature>> result;
    };
    std::vector<Waiting*> take_waiting();
    /// False when the process was ended over it.
    bool sign_for(host::Channel& lane, const std::vector<Waiting*>& group);
    void settle(Waiting& waiting, Result<crypto::Signature> result);

    std::chrono::milliseconds patience_;
    std::unique_ptr<host::Process> process_;
    std::string description_;
    mutable std::mutex keys_mutex_;
    std::shared_ptr<const hsm::KeySnapshot> keys_ = std::make_shared<hsm::KeySnapshot>();
    std::mutex control_mutex_;
    std::mutex lanes_mutex_;
    std::condition_variable lanes_changed_;
    std::vector<host::Channel*> lanes_;  // those that nobody speaks through
    std::deque<Waiting*> waiting_;       // those for whom nobody speaks yet
    bool ended_ = false;                 // nothing is asked of the process any more
};

}  // namespace clawsigner::pkcs11
