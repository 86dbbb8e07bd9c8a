# trainyard_embed(TARGET FOLDER [DEPENDS FILE...]): a library that defines
# EmbeddedAssets() of server/http/assets.h with the files of FOLDER, as they are
# when it is built; it is made again when one of DEPENDS changes. An empty FOLDER
# is an empty table. Files below assets/ need their content's hash in their names.
if(NOT CMAKE_SCRIPT_MODE_FILE)
  find_program(GZIP_PROGRAM gzip REQUIRED)

  function(trainyard_embed target folder)
    cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "DEPENDS")
    set(made ${CMAKE_CURRENT_BINARY_DIR}/${target})
    add_custom_command(
      OUTPUT ${made}/assets.cpp
      COMMAND ${CMAKE_COMMAND} -DFOLDER=${folder} -DMADE=${made} -DGZIP=${GZIP_PROGRAM}
              -P ${CMAKE_CURRENT_FUNCTION_LIST_FILE}
      DEPENDS ${arg_DEPENDS} ${CMAKE_CURRENT_FUNCTION_LIST_FILE}
      COMMENT "Embedding ${folder}"
      VERBATIM)
    add_library(${target} STATIC ${made}/assets.cpp)
    set_target_properties(${target} PROPERTIES CXX_CLANG_TIDY "")
    target_link_libraries(${target} PRIVATE trainyard_options)
  endfunction()
  return()
endif()

# From here on: the script that writes assets.cpp.
function(content_type out name)
  set(types html text/html js text/javascript
            css text/css json application/json svg image/svg+xml
            png image/png ico image/x-icon woff2 font/woff2 txt text/plain
            webmanifest application/manifest+json wasm application/wasm map application/json)
  string(REGEX MATCH "[^.]*$" extension ${name})
  list(FIND types "${extension}" index)
  set(type application/octet-stream)
  if(NOT index EQUAL -1)
    math(EXPR index "${index} + 1")
    list(GET types ${index} type)
  endif()
  if(type MATCHES "^text/")
    string(APPEND type "; charset=utf-8")
  endif()
  set(${out} "${type}" PARENT_SCOPE)
endfunction()

file(MAKE_DIRECTORY ${MADE})
set(files)
if(FOLDER)
  file(GLOB_RECURSE files RELATIVE ${FOLDER} ${FOLDER}/*)
endif()
set(paths)
foreach(file IN LISTS files)
  string(REGEX REPLACE "^index\\.html$" "" path ${file})
  list(APPEND paths "/${path}=${file}")
endforeach()
# The table is looked up by bisection.
list(SORT paths)

set(blobs)
set(rows)
set(index 0)
foreach(pair IN LISTS paths)
  string(REGEX MATCH "^([^=]*)=(.*)$" ignored ${pair})
  set(path ${CMAKE_MATCH_1})
  set(file ${CMAKE_MATCH_2})
  set(source ${FOLDER}/${file})
  # Depends on the bytes alone, so that only what changed is compiled again.
  file(SHA256 ${source} digest)
  string(SUBSTRING ${digest} 0 20 tag)
  execute_process(COMMAND ${GZIP} -9nc ${source} OUTPUT_FILE ${MADE}/${index}.gz
                  COMMAND_ERROR_IS_FATAL ANY)
  file(SIZE ${source} size)
  file(SIZE ${MADE}/${index}.gz gzip_size)
  content_type(type ${file})
  string(APPEND blobs "// ${tag}\nBLOB(bytes${index}, \"${source}\")\n")
  set(gzip "{}")
  math(EXPR bound "${size} * 9 / 10")
  if(gzip_size LESS bound)
    string(APPEND blobs "BLOB(gzip${index}, \"${MADE}/${index}.gz\")\n")
    set(gzip "View(gzip${index}, gzip${index}_end)")
  endif()
  string(APPEND rows "      {\"${path}\", \"${type}\", View(bytes${index}, bytes${index}_end), "
                     "${gzip}, \"\\\"${tag}\\\"\"},\n")
  math(EXPR index "${index} + 1")
endforeach()

if(index EQUAL 0)
  file(WRITE ${MADE}/assets.cpp
    "#include \"server/http/assets.h\"\n\n"
    "trainyard::server::Assets trainyard::server::EmbeddedAssets() { return {}; }\n")
  return()
endif()
file(WRITE ${MADE}/assets.cpp "// Written by embed.cmake.
#include \"server/http/assets.h\"

// A file's bytes, without the compiler's having to read them.
#define BLOB(name, file)                                                      \\
  extern \"C\" const char name[], name##_end[];                                 \\
  asm(\".section .rodata\\n\" #name \":\\n.incbin \\\"\" file \"\\\"\\n\" #name \"_end:\\n\" \\
      \".byte 0\\n.previous\\n\");

${blobs}
namespace trainyard::server {
namespace {

std::string_view View(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

Assets EmbeddedAssets() {
  static const Asset assets[] = {
${rows}  };
  return {assets, ${index}};
}

}  // namespace trainyard::server
")
