#include "tpm/stack.h"

namespace clawsigner::tpm {

Result<std::unique_ptr<Stack>> Stack::open(const std::string& tcti, Fence fence) {
    std::unique_ptr<Stack> stack(new Stack(std::move(fence)));
    CHECK_OK(
        check("Tss2_TctiLdr_Initialize", Tss2_TctiLdr_Initialize(tcti.c_str(), &stack->tcti_)));
    CHECK_OK(check("Esys_Initialize", Esys_Initialize(&stack->esys_, stack->tcti_, nullptr)));
    return stack;
}

Stack::~Stack() {
    Esys_Finalize(&esys_);
    Tss2_TctiLdr_Finalize(&tcti_);
}

bool has_resource_manager(std::string_view tcti) noexcept {
    return tcti.starts_with("tabrmd") || tcti.starts_with("device:/dev/tpmrm");
}

void Flushed::flush() noexcept {
    const Stack* stack = std::exchange(stack_, nullptr);
    if (stack != nullptr && !stack->fenced()) {
        Esys_FlushContext(stack->esys(), object_);
    }
}

}  // namespace clawsigner::tpm
