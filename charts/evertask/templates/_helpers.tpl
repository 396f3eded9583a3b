{{/* Name of the chart, as it stands in labels. */}}
{{- define "evertask.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Name of every object of the release. 46 characters, so that suffixes fit into 63. */}}
{{- define "evertask.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 46 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "evertask.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 46 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 46 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What selects the operator's pods. Never changes over upgrades: a Deployment's selector is immutable. */}}
{{- define "evertask.selectorLabels" -}}
app.kubernetes.io/name: {{ include "evertask.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{/* Labels of every object of the chart. */}}
{{- define "evertask.labels" -}}
{{ include "evertask.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: evertask
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Name of the operator's service account. */}}
{{- define "evertask.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "evertask.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* The operator as the API server knows it. */}}
{{- define "evertask.operatorUser" -}}
{{- printf "system:serviceaccount:%s:%s" .Release.Namespace (include "evertask.serviceAccountName" .) -}}
{{- end -}}

{{/* Reference of an image: takes (dict "image" <values> "root" $). */}}
{{- define "evertask.image" -}}
{{- if .image.digest -}}
{{- printf "%s@%s" .image.repository .image.digest -}}
{{- else -}}
{{- printf "%s:%s" .image.repository (default .root.Chart.AppVersion .image.tag) -}}
{{- end -}}
{{- end -}}

{{/*
The pod template that every runner starts from, as JSON: the chart's defaults with runner.podTemplate merged over.
Done here and not by Helm's merge of values, which replaces lists: whoever adds a resource limit to the container
must not lose its security context by it.
*/}}
{{- define "evertask.runnerPodTemplate" -}}
{{- $runner := .Values.runner -}}
{{- $given := deepCopy $runner.podTemplate -}}
{{- $givenSpec := default (dict) $given.spec -}}
{{- $tmp := dict -}}
{{- with $runner.tmpSizeLimit }}{{- $_ := set $tmp "sizeLimit" . -}}{{- end -}}
{{- $container := dict "name" "runner" "securityContext" $runner.securityContext "resources" $runner.resources -}}
{{- $mounts := list (dict "name" "tmp" "mountPath" "/tmp") -}}
{{- $env := list -}}
{{- with .Values.runners.handlerModules -}}
{{- $env = append $env (dict "name" "EVERTASK_HANDLER_MODULES" "value" (join "," .)) -}}
{{- end -}}
{{- $others := list -}}
{{- range (default (list) $givenSpec.containers) -}}
{{- if eq (default "runner" .name) "runner" -}}
{{- $mounts = concat $mounts (default (list) .volumeMounts) -}}
{{- $env = concat $env (default (list) .env) -}}
{{- $container = mergeOverwrite (deepCopy $container) (omit . "volumeMounts" "env") -}}
{{- else -}}
{{- $others = append $others . -}}
{{- end -}}
{{- end -}}
{{- $_ := set $container "volumeMounts" $mounts -}}
{{- if $env }}{{- $_ := set $container "env" $env -}}{{- end -}}
{{- $volumes := default (list) $givenSpec.volumes -}}
{{- $names := list -}}
{{- range $volumes }}{{- $names = append $names .name -}}{{- end -}}
{{- if not (has "tmp" $names) }}{{- $volumes = prepend $volumes (dict "name" "tmp" "emptyDir" $tmp) -}}{{- end -}}
{{- $spec := dict "enableServiceLinks" false "securityContext" (deepCopy $runner.podSecurityContext) -}}
{{- $spec = mergeOverwrite $spec (omit $givenSpec "containers" "volumes") -}}
{{- $_ := set $spec "containers" (prepend $others $container) -}}
{{- $_ := set $spec "volumes" $volumes -}}
{{- $_ := set $given "spec" $spec -}}
{{- toJson $given -}}
{{- end -}}

{{/* Not empty where there is more than one operator. */}}
{{- define "evertask.replicated" -}}
{{- if gt (int .Values.replicas) 1 }}true{{ end -}}
{{- end -}}

{{/* How one of several operators becomes the one that acts, as JSON. */}}
{{- define "evertask.leadership" -}}
{{- $given := .Values.leadership -}}
{{- if not (and (lt (float64 $given.renewIntervalSeconds) (float64 $given.renewDeadlineSeconds)) (lt (float64 $given.renewDeadlineSeconds) (float64 $given.leaseDurationSeconds))) -}}
{{- fail (printf "leadership: renewIntervalSeconds (%v) must be less than renewDeadlineSeconds (%v), and that less than leaseDurationSeconds (%v): a leader that cannot renew must end before the others take over" $given.renewIntervalSeconds $given.renewDeadlineSeconds $given.leaseDurationSeconds) -}}
{{- end -}}
{{- $said := dict "enabled" (not (empty (include "evertask.replicated" .))) "leaseName" (include "evertask.fullname" .) -}}
{{- mergeOverwrite (deepCopy $given) $said | toJson -}}
{{- end -}}

{{/* The operator's settings, as the JSON that it reads. Its keys are those of evertask_operator.settings. */}}
{{- define "evertask.settings" -}}
{{- $runner := dict
      "image" (include "evertask.image" (dict "image" .Values.runner.image "root" .))
      "imagePullPolicy" .Values.runner.image.pullPolicy
      "podTemplate" (include "evertask.runnerPodTemplate" . | fromJson) -}}
{{- dict
      "watchNamespaces" .Values.watchNamespaces
      "maxRunning" .Values.maxRunning
      "maxRunningPerNamespace" .Values.maxRunningPerNamespace
      "runner" $runner
      "jobs" .Values.jobs
      "retention" .Values.retention
      "prelaunch" .Values.prelaunch
      "defaults" .Values.defaults
      "leadership" (include "evertask.leadership" . | fromJson)
      "ports" .Values.ports
      "logLevel" .Values.logLevel
      "resyncInterval" .Values.resyncInterval
    | toPrettyJson -}}
{{- end -}}

{{/*
The namespaces of runners.createTasks, as a JSON list; `["*"]` where it is every namespace of the cluster, and `[]` where
it is none.
*/}}
{{- define "evertask.creatingNamespaces" -}}
{{- $given := .Values.runners.createTasks -}}
{{- $watched := .Values.watchNamespaces -}}
{{- if kindIs "slice" $given -}}
{{- range $given -}}
{{- if and $watched (not (has . $watched)) -}}
{{- fail (printf "runners.createTasks names %s, which is not in watchNamespaces (%s): tasks that are made there would never run; add it to watchNamespaces, or take it out of runners.createTasks" . (join ", " $watched)) -}}
{{- end -}}
{{- end -}}
{{- toJson $given -}}
{{- else if not $given -}}
[]
{{- else -}}
{{- default (list "*") $watched | toJson -}}
{{- end -}}
{{- end -}}

{{/* The caller of a request, as variables of a policy. Its pod's name is in the token that the API server issued. */}}
{{- define "evertask.callerVariables" -}}
- name: pod
  expression: >-
    has(request.userInfo.extra) && 'authentication.kubernetes.io/pod-name' in request.userInfo.extra
    ? request.userInfo.extra['authentication.kubernetes.io/pod-name'][0] : ''
- name: isOfThisNamespace
  expression: request.userInfo.username.startsWith('system:serviceaccount:' + request.namespace + ':')
{{- end -}}

{{/*
The parent that a task names, and whether the caller is one of its pods. The length is a UID's: a uid has hyphens in it,
so that its beginning would pass for another task's.
*/}}
{{- define "evertask.parentVariables" -}}
{{ include "evertask.callerVariables" . }}
- name: parent
  expression: object.metadata.?labels[?'evertask.io/parent-uid'].orValue('')
- name: isOfParent
  expression: >-
    variables.parent.size() == 36 && variables.isOfThisNamespace
    && variables.pod.startsWith('et-' + variables.parent + '-')
{{- end -}}
