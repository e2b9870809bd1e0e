# How everything of ours is compiled. Warnings are errors; what ships is hardened; a preset picks one sanitizer at most.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

set(CLAWSIGNER_SANITIZE "" CACHE STRING "empty, address (with undefined, and libFuzzer's coverage) or thread")
set_property(CACHE CLAWSIGNER_SANITIZE PROPERTY STRINGS "" address thread)

add_library(clawsigner_flags INTERFACE)
target_compile_options(clawsigner_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wcast-qual
    -Wformat=2 -Wundef -Wimplicit-fallthrough -Werror
    -fno-omit-frame-pointer -fstack-protector-strong)
target_compile_definitions(clawsigner_flags INTERFACE CLAWSIGNER_VERSION="${PROJECT_VERSION}")

if(CLAWSIGNER_SANITIZE STREQUAL "")
    target_compile_options(clawsigner_flags INTERFACE
        $<$<CONFIG:Release>:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2> -fstack-clash-protection -fcf-protection)
    add_compile_definitions(_GLIBCXX_ASSERTIONS)
    add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack)
    add_compile_options(-ffunction-sections -fdata-sections) # what nobody calls is not in the process's memory
    add_link_options(-Wl,--gc-sections)
    set(CMAKE_EXE_LINKER_FLAGS "${CMAKE_EXE_LINKER_FLAGS} -pie")
elseif(CLAWSIGNER_SANITIZE STREQUAL "address")
    add_compile_options(-fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all)
    add_link_options(-fsanitize=address,undefined)
elseif(CLAWSIGNER_SANITIZE STREQUAL "thread")
    add_compile_options(-fsanitize=thread)
    add_link_options(-fsanitize=thread)
else()
    message(FATAL_ERROR "CLAWSIGNER_SANITIZE=${CLAWSIGNER_SANITIZE} is none of: empty, address, thread")
endif()
