#pragma once

#include "pkcs11/host_channel.h"
#include "pkcs11/token_settings.h"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <sys/types.h>
#include <thread>
#include <vector>

namespace clawsigner::pkcs11::host {

/// The descriptors a host finds its channels at: control, then its lanes.
inline constexpr int kFirstFd = 3;

/// A child process that hosts a module (`clawsignerd module-host`), and the channels to it.
class Process {
public:
    using OnEnd = std::function<void(const std::string& how)>;

    /// `on_end` is called from a thread of this object's when the process ends without having been
    /// asked to. Error: hsm_down.
    static Result<std::unique_ptr<Process>> start(const HostProgram& program, std::size_t lanes,
                                                  OnEnd on_end);

    /// Lets it go: closes the channels, upon which it ends its module in order; kills it when it
    /// does not.
    ~Process();
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    Channel& control() noexcept { return *control_; }
    std::vector<Channel>& lanes() noexcept { return lanes_; }

    /// At once, whatever it is doing. Any thread.
    void kill() noexcept;

    /// "ended by signal 11 (Segmentation fault)", once it has; waits a moment for it. Any thread.
    std::optional<std::string> how_it_ended();

private:
    Process() = default;
    void watch();
    bool wait_until_ended(std::chrono::milliseconds patience);

    pid_t pid_ = -1;
    std::unique_ptr<Channel> control_;
    std::vector<Channel> lanes_;
    OnEnd on_end_;
    std::mutex mutex_;
    std::condition_variable ended_;
    std::optional<std::string> how_;
    bool let_go_ = false;
    std::thread watcher_;
};

}  // namespace clawsigner::pkcs11::host
