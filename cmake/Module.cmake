# clawsigner_module(<folder> SOURCES … [FAST …] HEADERS … [DEPS …] [PRIVATE_DEPS …])
#
# A folder is one static library and one namespace. Its headers are reachable only as "<folder>/<file>.h", and only by targets
# that link it: the include directory it exports holds nothing but a link to that one folder. A forbidden include
# therefore does not compile. DEPS are seen by whoever links the module; PRIVATE_DEPS are not. FAST are further sources, those that
# every signature runs through; the others are optimised for size: what runs once a request or less costs the process more as
# memory than it would save as time.
function(clawsigner_module name)
    cmake_parse_arguments(M "" "" "SOURCES;FAST;HEADERS;DEPS;PRIVATE_DEPS" ${ARGN})
    set(root ${CMAKE_BINARY_DIR}/include/${name})
    file(MAKE_DIRECTORY ${root})
    file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${name} ${root}/${name} SYMBOLIC)

    add_library(${name} STATIC ${M_SOURCES} ${M_FAST})
    list(TRANSFORM M_HEADERS PREPEND ${root}/${name}/ OUTPUT_VARIABLE headers)
    target_sources(${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${root} FILES ${headers})
    target_link_libraries(${name} PUBLIC ${M_DEPS} PRIVATE clawsigner_flags ${M_PRIVATE_DEPS})
    set_source_files_properties(${M_SOURCES} PROPERTIES COMPILE_OPTIONS $<$<CONFIG:Release>:-Os>)
    if(CLAWSIGNER_SANITIZE)
        clawsigner_precompile(${name})
    endif()
    set_target_properties(${name} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON OUTPUT_NAME clawsigner_${name})
endfunction()
