{{/* Names, labels and the parts that every pod of Trilend shares. */}}

{{/* The release's name, with the chart's name in it; short enough for every suffix below. */}}
{{- define "trilend.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Labels of every pod of the release, whatever it does. */}}
{{- define "trilend.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Labels that select the pods of one component. Takes (list $ "component"). */}}
{{- define "trilend.componentSelector" -}}
{{ include "trilend.selector" (first .) }}
app.kubernetes.io/component: {{ last . }}
{{- end -}}

{{/* Labels of an object. Takes (list $ "component"). */}}
{{- define "trilend.labels" -}}
{{- $root := first . -}}
{{ include "trilend.componentSelector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: trilend
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version }}
{{- end -}}

{{/* The settings that are no secrets, as a map. */}}
{{- define "trilend.settings" -}}
TRILEND_METRICS_ON_PUBLIC_HOSTS: "false"
TRILEND_BASE_URL: {{ printf "https://%s" .Values.baseDomain | quote }}
{{- if not (hasKey .Values.settings "TRILEND_PROXIES_IN_FRONT") }}
TRILEND_PROXIES_IN_FRONT: "1"
{{- end }}
{{- range $name, $value := .Values.settings }}
{{ $name }}: {{ $value | quote }}
{{- end }}
{{- end -}}

{{/* One environment variable out of a Secret. Takes (list "NAME" reference). */}}
{{- define "trilend.secretVariable" -}}
- name: {{ first . }}
  valueFrom:
    secretKeyRef:
      name: {{ (last .).name }}
      key: {{ (last .).key }}
{{- end -}}

{{/* The secrets of every process. */}}
{{- define "trilend.secretVariables" -}}
{{- $secrets := .Values.secrets -}}
{{- $references := dict
      "TRILEND_DATABASE_URL" $secrets.databaseUrl
      "TRILEND_MASTER_KEY" $secrets.masterKey
      "TRILEND_SECRET_KEY" $secrets.secretKey
      "TRILEND_SMTP_URL" $secrets.smtpUrl
      "TRILEND_STORAGE_URL" $secrets.storageUrl
      "TRILEND_VALKEY_URL" $secrets.valkeyUrl -}}
{{- with $secrets.masterKeyOther }}
{{- $_ := set $references "TRILEND_MASTER_KEY_OTHER" . }}
{{- end }}
{{- range $name, $reference := $references }}
{{ include "trilend.secretVariable" (list $name $reference) }}
{{- end }}
{{- end -}}

{{/* The owner's database URL: only for processes that create and change schemas. */}}
{{- define "trilend.ownerVariable" -}}
{{- $secrets := .Values.secrets -}}
{{- if eq (toJson $secrets.ownerDatabaseUrl) (toJson $secrets.databaseUrl) -}}
{{- fail "secrets.ownerDatabaseUrl and secrets.databaseUrl name the same key: the web pods would own every tenant's tables" -}}
{{- end -}}
{{ include "trilend.secretVariable" (list "TRILEND_OWNER_DATABASE_URL" $secrets.ownerDatabaseUrl) }}
{{- end -}}

{{/*
What every pod has. No runAsUser: the image names its own, and some clusters choose one per namespace.
No service links: a Service called "trilend" would add variables (TRILEND_PORT, …) that read like settings.
*/}}
{{- define "trilend.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{ toJson . }}
{{- end }}
securityContext:
  runAsNonRoot: true
  seccompProfile:
    type: RuntimeDefault
volumes:
  - name: tmp
    emptyDir:
      sizeLimit: 1Gi
{{- end -}}

{{/* What every container has. */}}
{{- define "trilend.container" -}}
image: {{ printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
volumeMounts:
  - name: tmp
    mountPath: /tmp
{{- end -}}

{{/* Spreads the pods of one component over nodes and zones, each release of them by itself. Takes (list $ "component"). */}}
{{- define "trilend.spread" -}}
{{- $arguments := . -}}
topologySpreadConstraints:
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "trilend.componentSelector" $arguments | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end -}}

{{/* Pods restart when a setting changes. */}}
{{- define "trilend.checksum" -}}
checksum/settings: {{ include "trilend.settings" . | sha256sum }}
{{- end -}}
