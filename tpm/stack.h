#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "tpm/response.h"

#include <tss2/tss2_esys.h>
#include <tss2/tss2_tctildr.h>

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace clawsigner::tpm {

/// What ESAPI allocates for its caller.
struct EsysFree {
    void operator()(void* memory) const noexcept { Esys_Free(memory); }
};
template <class T>
using EsysPtr = std::unique_ptr<T, EsysFree>;

/// Set when a call was left to itself: what returns from it sends the TPM nothing more, because
/// handles may mean another's objects by then.
using Fence = std::shared_ptr<const std::atomic<bool>>;

/// The way to a TPM: a TCTI and an ESAPI context on it. Used by one thread. Ending it sends the TPM
/// nothing.
class Stack {
public:
    /// `tcti` is a name and its configuration as TCTI loader (tss2-tctildr(3)) takes them:
    /// "device:/dev/tpmrm0", "swtpm:path=/run/tpm/sock". Error: hsm_down.
    static Result<std::unique_ptr<Stack>> open(const std::string& tcti, Fence fence);
    ~Stack();
    Stack(const Stack&) = delete;
    Stack& operator=(const Stack&) = delete;

    ESYS_CONTEXT* esys() const noexcept { return esys_; }
    bool fenced() const noexcept { return fence_ != nullptr && *fence_; }

private:
    explicit Stack(Fence fence) : fence_(std::move(fence)) {}

    Fence fence_;

    TSS2_TCTI_CONTEXT* tcti_ = nullptr;
    ESYS_CONTEXT* esys_ = nullptr;
};

/// Does something behind this TCTI share the TPM's memory between its users? Without it, what a
/// user leaves there stays.
bool has_resource_manager(std::string_view tcti) noexcept;

/// A transient object or a session of ours: flushed with this.
class Flushed {
public:
    Flushed() = default;
    /// `stack` outlives it.
    Flushed(const Stack& stack, ESYS_TR object) : stack_(&stack), object_(object) {}
    Flushed(Flushed&& other) noexcept
        : stack_(std::exchange(other.stack_, nullptr)), object_(other.object_) {}
    Flushed& operator=(Flushed&& other) noexcept {
        std::swap(stack_, other.stack_);
        std::swap(object_, other.object_);
        return *this;
    }
    Flushed(const Flushed&) = delete;
    Flushed& operator=(const Flushed&) = delete;
    ~Flushed() { flush(); }

    ESYS_TR get() const noexcept { return object_; }
    explicit operator bool() const noexcept { return stack_ != nullptr; }
    void flush() noexcept;

private:
    const Stack* stack_ = nullptr;
    ESYS_TR object_ = ESYS_TR_NONE;
};

}  // namespace clawsigner::tpm
