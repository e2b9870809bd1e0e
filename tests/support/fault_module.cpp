#include "support/fault_module.h"

#include "support/comes_true.h"
#include "support/softhsm.h"

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <stdexcept>

namespace clawsigner::tests {
namespace {

struct Record {
    char name[56];
    std::uint64_t value;
};

void set_variable(const char* name, const std::filesystem::path& value) {
    ::setenv(name, value.c_str(), 1);  // NOLINT(concurrency-mt-unsafe): before any thread
}

}  // namespace

FaultModule::FaultModule() {
    set_variable("FAULTP11_MODULE", SoftHsm::module());
    set_variable("FAULTP11_SCRIPT", dir_ / "script");
    set_variable("FAULTP11_STATE", dir_ / "state");
}

std::filesystem::path FaultModule::path() {
    return CLAWSIGNER_FAULTP11;
}

void FaultModule::script(std::string_view lines) {
    // The number makes it another script even within the clock's grain.
    const auto next = dir_.write("next", std::string(lines) + "\n# " + std::to_string(++scripts_));
    std::filesystem::rename(next, dir_ / "script");
}

std::uint64_t FaultModule::counter(std::string_view name) const {
    std::ifstream file(dir_ / "state", std::ios::binary);
    Record record{};
    while (file.read(reinterpret_cast<char*>(&record), sizeof record)) {
        if (name == record.name) {
            return record.value;
        }
    }
    throw std::runtime_error("no counter is called " + std::string(name));
}

std::uint64_t FaultModule::fired(int line) const {
    return counter("line." + std::to_string(line) + ".fired");
}

void FaultModule::wait_until_fired() const {
    if (!comes_true([this] { return fired() > 0; }, std::chrono::seconds(20))) {
        throw std::runtime_error("waited in vain for the fault");
    }
}

}  // namespace clawsigner::tests
