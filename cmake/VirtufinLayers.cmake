# The one list of components: name | layer | components it may use directly.
#
# Read by virtufin_component() at configure time and by cmake/scripts/check_layers.cmake, which
# scans every include. An edge goes to a smaller layer; a driver may also use its own port.
set(VIRTUFIN_COMPONENTS
  "core|0|"
  "worker_abi|0|"
  "event|10|core"
  "net|10|core"
  "pubsub|20|core,event"
  "state|20|core"
  "state_sqlite|21|core,state"
  "worker|20|core,event,worker_abi"
  "proto|25|core"
  "engine|30|core,event"
  "engine_inproc|31|core,event,worker,engine"
  "engine_native|31|core,event,worker_abi,engine"
  "engine_packer|31|core,engine"
  "worker_harness|36|core,event,state,worker,engine,engine_inproc,engine_native"
  "exchange|30|core,event,net,pubsub,state"
  "sim|35|core,net"
  "workmanager|40|core,event,pubsub,state,worker,engine"
  "workmanager_fetch|41|core,net,workmanager"
  "websocketmanager|40|core,event,exchange"
  "rpc|45|core,proto,engine,workmanager"
  "platform|50|core,event,pubsub,state,state_sqlite,worker,engine,engine_inproc,engine_native,exchange,workmanager,workmanager_fetch,websocketmanager"
  "c_api|60|core,event,pubsub,state,worker,engine,engine_inproc,exchange,workmanager,websocketmanager,platform"
  "examples|70|core,event,net,proto,rpc,pubsub,state,state_sqlite,worker,worker_abi,engine,engine_inproc,engine_native,engine_packer,worker_harness,exchange,sim,workmanager,websocketmanager,platform,c_api")

# Their headers lie in src/<name>/ and are never installed; whoever may use them includes them there.
set(VIRTUFIN_INTERNAL net sim)
# For tests and examples: not even their archives are installed.
set(VIRTUFIN_NOT_INSTALLED sim)

# Where a component's files lie when its folder is not its name: path prefix = component. The
# longest prefix wins; `include/virtufin/<name>/` and `src/<name>/` need no line.
set(VIRTUFIN_PATHS
  "c_api/include/virtufin/virtufin_worker_=worker_abi"
  "c_api/include/virtufin/virtufin.h=c_api"
  "c_api/src/=c_api"
  "include/virtufin/engine/inproc.hpp=engine_inproc"
  "src/engine/inproc/=engine_inproc"
  "include/virtufin/engine/native.hpp=engine_native"
  "src/engine/native/=engine_native"
  "include/virtufin/engine/packer.hpp=engine_packer"
  "src/engine/packer/=engine_packer"
  "include/virtufin/state/sqlite.hpp=state_sqlite"
  "src/state/sqlite/=state_sqlite"
  "include/virtufin/workmanager/url_fetcher.hpp=workmanager_fetch"
  "src/workmanager/fetch/=workmanager_fetch"
  "examples/=examples")

# virtufin_component_entry(<name> <layer-var> <uses-var>): empty layer when unknown.
function(virtufin_component_entry name layer_var uses_var)
  set(${layer_var} "" PARENT_SCOPE)
  set(${uses_var} "" PARENT_SCOPE)
  foreach(entry IN LISTS VIRTUFIN_COMPONENTS)
    if(entry MATCHES "^${name}\\|([0-9]+)\\|(.*)$")
      set(${layer_var} "${CMAKE_MATCH_1}" PARENT_SCOPE)
      string(REPLACE "," ";" uses "${CMAKE_MATCH_2}")
      set(${uses_var} "${uses}" PARENT_SCOPE)
    endif()
  endforeach()
endfunction()

# virtufin_component_of(<path> <out-var>): the component that owns the file at `path`, relative to the
# source root; empty when none does.
function(virtufin_component_of path out)
  set(best "")
  set(best_length 0)
  if(path MATCHES "^(include/virtufin|src)/([a-z_]+)/")
    set(best "${CMAKE_MATCH_2}")
  endif()
  foreach(line IN LISTS VIRTUFIN_PATHS)
    string(REGEX MATCH "^(.*)=(.*)$" _ "${line}")
    set(prefix "${CMAKE_MATCH_1}")
    set(name "${CMAKE_MATCH_2}")
    string(LENGTH "${prefix}" length)
    string(FIND "${path}" "${prefix}" at)
    if(at EQUAL 0 AND length GREATER best_length)
      set(best "${name}")
      set(best_length ${length})
    endif()
  endforeach()
  set(${out} "${best}" PARENT_SCOPE)
endfunction()
