#include "faultp11/setup.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <new>
#include <pthread.h>
#include <utility>

namespace faultp11 {
namespace {

std::string variable(const char* name) {
    const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
    return value == nullptr ? std::string() : std::string(value);
}

std::nullptr_t complain(const std::string& what) {
    static_cast<void>(std::fprintf(stderr, "faultp11: %s\n", what.c_str()));
    return nullptr;
}

CK_FUNCTION_LIST* load(const std::string& path) {
    if (path.empty()) {
        return complain("FAULTP11_MODULE does not name the module to wrap");
    }
    void* const object = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (object == nullptr) {
        return complain(::dlerror());  // NOLINT(concurrency-mt-unsafe): glibc keeps it per thread
    }
    const auto get = reinterpret_cast<CK_C_GetFunctionList>(::dlsym(object, "C_GetFunctionList"));
    CK_FUNCTION_LIST* list = nullptr;
    if (get == nullptr || get(&list) != CKR_OK || list == nullptr) {
        return complain(path + " has no C_GetFunctionList");
    }
    return list;
}

/// The one thing that outlives a call.
class Process {
public:
    static Process& instance() {
        // Never destroyed: calls may come while the program ends.
        static auto* const process = new Process();
        return *process;
    }

    std::shared_ptr<Setup> setup_for(Function function) {
        const std::lock_guard lock(mutex_);
        const bool may_change = function == Function::C_Initialize;
        if (setup_ == nullptr || may_change) {
            const Environment environment = Environment::read();
            if (setup_ == nullptr || setup_->environment() != environment) {
                setup_ = Setup::make(environment);
            }
        }
        return setup_;
    }

private:
    Process() { ::pthread_atfork(nullptr, nullptr, after_fork); }

    /// The parent's locks may be held by threads that the child does not have: all of it is left
    /// behind.
    static void after_fork() {
        Process& process = instance();
        new (&process.mutex_) std::mutex();
        new (&process.setup_) std::shared_ptr<Setup>();
    }

    std::mutex mutex_;
    std::shared_ptr<Setup> setup_;
};

}  // namespace

Environment Environment::read() {
    return {variable("FAULTP11_MODULE"), variable("FAULTP11_SCRIPT"), variable("FAULTP11_STATE")};
}

const Line* Due::find(Effect effect) const {
    const auto found = std::ranges::find(lines, effect, &Line::effect);
    return found == lines.end() ? nullptr : *found;
}

std::shared_ptr<Setup> Setup::make(const Environment& environment) {
    CK_FUNCTION_LIST* const real = load(environment.module);
    auto counters = State::open(environment.state.c_str());
    if (counters == nullptr) {
        return complain("cannot map FAULTP11_STATE=" + environment.state);
    }
    return real == nullptr
               ? nullptr
               : std::shared_ptr<Setup>(new Setup(environment, std::move(counters), *real));
}

Setup::Setup(Environment environment, std::unique_ptr<State> counters, CK_FUNCTION_LIST& real)
    : state(std::move(counters)),
      environment_(std::move(environment)),
      real_(&real),
      script_file_(environment_.script, *state) {}

Due Setup::due(Function function) {
    state->count_call(function);
    Due due{script(), {}};
    for (const Line& line : due.script->lines) {
        if (!line.is_about(function)) {
            continue;
        }
        const std::uint64_t before = state->reach(line);
        if (before >= line.skip && before - line.skip < line.count) {
            due.lines.push_back(&line);
        }
    }
    return due;
}

std::shared_ptr<Setup> setup_for(Function function) {
    return Process::instance().setup_for(function);
}

}  // namespace faultp11
