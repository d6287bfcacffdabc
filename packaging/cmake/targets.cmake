# The flags all our targets share, and the one way to declare a folder's library.
add_library(holdfast_flags INTERFACE)
target_include_directories(holdfast_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(holdfast_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wold-style-cast
  -Wnon-virtual-dtor -Woverloaded-virtual -Wformat=2 -Wimplicit-fallthrough
  $<$<CXX_COMPILER_ID:GNU>:-Wduplicated-cond;-Wlogical-op>
  $<$<BOOL:${HOLDFAST_WERROR}>:-Werror>)
# What nobody calls stays out of the program.
set(optimised "$<CONFIG:RelWithDebInfo,Release>")
target_compile_options(holdfast_flags INTERFACE
  $<${optimised}:-ffunction-sections> $<${optimised}:-fdata-sections>)
target_link_options(holdfast_flags INTERFACE $<${optimised}:-Wl,--gc-sections>)
if(HOLDFAST_SANITIZE)
  target_compile_options(holdfast_flags INTERFACE
    -fsanitize=${HOLDFAST_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(holdfast_flags INTERFACE -fsanitize=${HOLDFAST_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC's documentation warns of false positives of this one under sanitizers; std::regex has some.
    target_compile_options(holdfast_flags INTERFACE -Wno-maybe-uninitialized)
  endif()
  if(HOLDFAST_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC warns about std::atomic_thread_fence inside library headers under tsan.
    target_compile_options(holdfast_flags INTERFACE -Wno-tsan)
  endif()
endif()

# holdfast_library(<folder target> <libraries it may use>...): all .cpp files of the calling folder.
# Only what is named here can be linked, which keeps the dependencies of the folders one-way.
function(holdfast_library name)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PUBLIC holdfast_flags ${ARGN})
endfunction()

# Folders whose code runs at the start or once in an interval are built for size: a smaller program
# is less to read from an SD card and to keep in memory. Optimizing them across files saves an eighth
# of the program. The way of the points stays at -O2 and as it is: across files it became slower.
function(holdfast_for_size name)
  target_compile_options(${name} PRIVATE $<$<CONFIG:RelWithDebInfo,Release>:-Os>)
  set_target_properties(${name} PROPERTIES
    INTERPROCEDURAL_OPTIMIZATION_RELWITHDEBINFO ON INTERPROCEDURAL_OPTIMIZATION_RELEASE ON)
endfunction()

# holdfast_test(<name> <libraries>...): one test program from all *.cpp of the calling folder.
function(holdfast_test name)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE holdfast_flags holdfast_test_support GTest::gmock
                        GTest::gtest_main ${ARGN})
  gtest_discover_tests(${name} TEST_PREFIX "${name}." DISCOVERY_MODE PRE_TEST)
endfunction()
