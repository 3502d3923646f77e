{{/* Fixed names: an operator is alone in its namespace, and the gateways' network policies know it by its label. */}}
{{- define "tenantry.name" -}}tenantry-operator{{- end }}

{{- define "tenantry.selector" -}}
app.kubernetes.io/name: {{ include "tenantry.name" . }}
{{- end }}

{{- define "tenantry.commonLabels" -}}
app.kubernetes.io/instance: {{ .Release.Name | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/part-of: tenantry
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "tenantry.labels" -}}
{{ include "tenantry.selector" . }}
{{ include "tenantry.commonLabels" . }}
{{- end }}

{{/* Our labels and a user's, whose win. */}}
{{- define "tenantry.labelsWith" -}}
{{- toYaml (merge (deepCopy (.more | default dict)) (include "tenantry.labels" .root | fromYaml)) }}
{{- end }}

{{/* The name of an image, by digest where there is one. */}}
{{- define "tenantry.image" -}}
{{- if .digest -}}{{ .repository }}@{{ .digest }}{{- else -}}{{ .repository }}:{{ .tag }}{{- end }}
{{- end }}

{{- define "tenantry.operatorImage" -}}
{{- include "tenantry.image" (merge (dict "tag" (.Values.image.tag | default .Chart.AppVersion)) .Values.image) }}
{{- end }}

{{/* The tenants' image. Without a tag of the user's it is the one in Chart.yaml, which does not follow appVersion. */}}
{{- define "tenantry.gatewayImage" -}}
{{- $tag := .Values.defaultGatewayImage.tag | default (index .Chart.Annotations "tenantry.dev/default-gateway-tag") }}
{{- include "tenantry.image" (merge (dict "tag" $tag) .Values.defaultGatewayImage) }}
{{- end }}

{{/* The operator, as role bindings name it. */}}
{{- define "tenantry.serviceAccountSubject" -}}
- kind: ServiceAccount
  name: {{ include "tenantry.name" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}

{{/* The ConfigMap's data for all namespaces, or for one: lists become lines. */}}
{{- define "tenantry.parameters" -}}
{{- $prefix := .prefix }}
{{- range $key := list "contact" "allowedImages" "allowedModels" "allowedBaseURLs" "allowedHostnames" "allowedPriorityClasses" }}
{{- with index $.given $key }}
{{ printf "%s%s" $prefix $key }}: {{ join "\n" . | quote }}
{{- end }}
{{- end }}
{{- if hasKey .given "requireNetworkPolicy" }}
{{ printf "%srequireNetworkPolicy" $prefix }}: {{ .given.requireNetworkPolicy | quote }}
{{- end }}
{{- end }}
