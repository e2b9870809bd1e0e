# clawsigner_precompile(<target> [<header>...]): the standard library's headers, and these, are read once per target and not once per
# file, which is a third of a build. For the tests, and for everything under a sanitizer; what ships reads them in every file, so that
# none leans on what another includes.
function(clawsigner_precompile target)
    target_precompile_headers(${target} PRIVATE
        <algorithm> <array> <atomic> <chrono> <cstdint> <filesystem> <functional> <map> <memory> <mutex> <optional> <span>
        <string> <string_view> <utility> <variant> <vector> ${ARGN})
endfunction()
