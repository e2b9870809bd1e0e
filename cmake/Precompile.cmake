# clawsigner_precompile(<target>): under a sanitizer, the standard library's headers are read once per target and not once per file,
# which is a third of that build. The release build reads them in every file, so that none leans on what another includes.
function(clawsigner_precompile target)
    if(CLAWSIGNER_SANITIZE)
        target_precompile_headers(${target} PRIVATE
            <algorithm> <array> <atomic> <chrono> <cstdint> <filesystem> <functional> <map> <memory> <mutex> <optional> <span>
            <string> <string_view> <utility> <variant> <vector> ${ARGN})
    endif()
endfunction()
